from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from search_rerank.evaluation.report.plots import CHOSEN, OTHER, WORSE, bars, curve, forest, steps

pytestmark = pytest.mark.slow

NAMES = ['<b>"&', "costs $5 or $6", "靴"]


def drawn(zero: bool = False) -> str:
    intervals = [(0.1, 0.3), (-0.2, 0.0), (-0.4, -0.1)]
    return forest(NAMES, [0.2, -0.1, -0.2], intervals, "a & b", [True, False, True], zero=zero)


def test_names_are_drawn_as_they_are_and_can_be_read() -> None:
    tree = ElementTree.fromstring(drawn())
    texts = {
        "".join(element.itertext()).strip() for element in tree.iter() if "text" in element.tag
    }
    assert set(NAMES) <= texts
    assert tree.attrib["role"] == "img"
    assert tree.attrib["aria-label"] == "a & b, with 95 % intervals"


def test_the_same_data_gives_the_same_bytes_and_nothing_is_fetched() -> None:
    assert drawn() == drawn()
    for svg in (drawn(), bars(["a"], [("x", [1.0]), ("y", [2.0])], "t")):
        assert re.findall(r'(?:href|src)="(?!#)[^"]*"', svg) == []
        assert "<metadata" not in svg and "<?xml" not in svg


def test_only_ids_that_something_refers_to_are_left() -> None:
    ids = re.findall(r' id="([^"]+)"', drawn())
    assert ids
    assert all(f"#{id_}" in drawn() for id_ in ids)


def test_colour_tells_what_stands_out_and_which_way() -> None:
    assert CHOSEN in drawn(zero=True) and WORSE in drawn(zero=True) and OTHER in drawn(zero=True)
    assert WORSE not in drawn(zero=False)


def test_bars_shares_and_curves_are_drawn() -> None:
    assert "50 %" in steps(["low", "high"], [0.1, 0.5], [(0.0, 0.2), (0.4, 0.6)], ("x", "y"))
    assert "<svg" in curve([1, 0.5], [1, 0.4], [1, 0.6], ("place", "looked at"))
