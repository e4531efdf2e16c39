"""docs/measures.md: its code prints what it says, and what it lists to call is there."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from search_rerank.evaluation.beyond import PER_LIST, WHOLE
from search_rerank.evaluation.listwise import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "measures.md").read_text("utf-8")
ROOM = "search_rerank.evaluation"


def test_its_code_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```\n+```text\n(.*?)^```", PAGE, re.M | re.S)
    names: dict[str, object] = {}
    for code, printed in blocks:
        exec(code, names)
        assert capsys.readouterr().out == printed
    assert len(blocks) == 2


def called() -> list[tuple[str, str, str]]:
    """Return (file, function, parameters) of the list of what to call."""
    listing = PAGE.split("```text\n")[1].split("```")[0]
    found, file = [], ""
    for line in listing.splitlines():
        head, _, rest = line.partition(" ")
        if head.endswith(".py"):
            file, line = head.removesuffix(".py"), rest
        call = re.match(r"\s*([\w.]+)\(([^\")][^)]*)\)(?: ->|$)", line)
        if call:
            found.append((file, call[1], call[2]))
    return found


@pytest.mark.parametrize(("file", "name", "parameters"), called())
def test_what_it_lists_is_there(file: str, name: str, parameters: str) -> None:
    if name.startswith("measure."):
        return  # a value's method, typed in the tests of measures
    found: object = importlib.import_module(f"{ROOM}.{file}")
    for part in name.split("."):
        found = getattr(found, part)
    signature = inspect.signature(found)  # type: ignore[arg-type]
    listed = re.findall(r"(\w+)(?:=(\S+?))?(?:,|$)", parameters)
    assert [one for one, _ in listed] == list(signature.parameters)
    for one, default in listed:
        given = signature.parameters[one].default
        assert default == ("" if given is inspect.Parameter.empty else default)
        if default:
            assert eval(default) == given


def test_the_list_was_read() -> None:
    assert {"Grouped.ranked", "slice_table", "bootstrap_ci"} <= {name for _, name, _ in called()}


def test_every_measure_has_a_row() -> None:
    named = set(re.findall(r"^\| (`.*?`) \|", PAGE, re.M))
    typed = {one for cell in named for one in re.findall(r"`(\w+)(?:@10)?`", cell)}
    assert {*KINDS, *PER_LIST, *WHOLE} <= typed
