"""Live changes, on both engines."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_tools.changes import Changes
from index_tools.load import load
from search_rerank.config import Config
from search_rerank.data.item import Item, parse_item
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Engine, Retrieve, Stored
from search_rerank.errors import EngineError
from search_rerank.query import Filters, Range
from tests.index_tools.conftest import ON_BOTH, ROWS

Write = Callable[..., Path]
pytestmark = [ON_BOTH, pytest.mark.slow]


@pytest.fixture
def changes(config: Config, engine: Engine, catalogue: Write) -> Changes:
    load(config, catalogue(), engine, promote=True)
    return Changes(config, engine)


def stored(engine: Engine, id_: str, version: str | None = None) -> Stored:
    [found] = engine.lookup([id_], version)
    assert found is not None
    return found


def item(**fields: Any) -> Item:
    return parse_item({"id": "N1", "title": "silver tea kettle"} | fields)


def test_what_is_put_is_found_by_the_next_search(changes: Changes, engine: Engine) -> None:
    assert [o.status for o in changes.put([item(), item(id="P0", title="golden kettle")])] == [
        "written",
        "written",
    ]
    assert engine.retrieve(Retrieve("silver kettle")).ids[0] == "N1"
    assert stored(engine, "P0").item.title == "golden kettle"
    assert engine.count() == 61


def test_a_patch_changes_only_what_it_names(changes: Changes, engine: Engine) -> None:
    before = stored(engine, "P7")
    [outcome] = changes.patch(
        [{"id": "P7", "price": 3.5, "brand": None, "attributes": {"size": "XL", "colour": None}}]
    )
    assert outcome.status == "written"
    after = stored(engine, "P7").item
    assert (after.title, after.price, after.brand) == (before.item.title, 3.5, None)
    assert after.attributes == {"size": "XL"}
    # It is found by its new price, and by the word of an attribute that the version did not know.
    cheap = Retrieve("", filters=Filters(ranges={"price": Range(None, 4.0)}))
    assert list(engine.retrieve(cheap).ids) == ["P7"]
    assert "P7" in engine.retrieve(Retrieve("XL")).ids


def test_a_price_encodes_nothing_and_keeps_the_vector(
    changes: Changes, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(engine, "P7").vector
    monkeypatch.setattr(VectorCache, "encode", lambda *_: pytest.fail("encoded"))
    changes.patch([{"id": "P7", "price": 3.5}])
    np.testing.assert_array_equal(stored(engine, "P7").vector, before)


def test_a_new_title_gives_a_new_vector(changes: Changes, engine: Engine) -> None:
    before = stored(engine, "P7").vector
    changes.patch([{"id": "P7", "title": "green leather boots"}])
    after = stored(engine, "P7").vector
    assert before is not None and after is not None
    assert not np.allclose(before, after)


def test_several_patches_of_one_item_are_applied_in_order(changes: Changes, engine: Engine) -> None:
    rows = [
        {"id": "P1", "price": 1.0, "rating": 4.0},
        {"id": "P1", "price": -1.0},
        {"id": "P1", "price": 2.0},
    ]
    assert [o.status for o in changes.patch(rows)] == ["written", "refused", "written"]
    assert (stored(engine, "P1").item.price, stored(engine, "P1").item.rating) == (2.0, 4.0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"price": 1.0}, "id is missing"),
        ({"id": "P1", "prise": 1.0}, "unknown field 'prise' .did you mean 'price'"),
        ({"id": "P1", "prise": None}, "unknown field 'prise'"),
        ({"id": "P1", "title": None}, "title is missing"),
        ({"id": "P1", "attributes": 3}, "attributes: expected an object"),
        ({"id": "gone", "price": 1.0}, "to change, found 'gone': put it whole"),
    ],
)
def test_a_wrong_patch_is_refused_with_its_reason(
    changes: Changes, engine: Engine, row: dict[str, Any], reason: str
) -> None:
    good = {"id": "P2", "price": 1.5}
    refused, written = changes.patch([row, good])
    assert refused.status == "refused"
    assert re.search(reason, refused.reason or "")
    assert written.status == "written"
    assert stored(engine, "P2").item.price == 1.5


def test_deleted_items_are_not_found(changes: Changes, engine: Engine) -> None:
    changes.delete(["P0", "P1"])
    assert engine.count() == 58
    assert engine.lookup(["P0"]) == [None]


def test_without_a_live_version_there_is_nothing_to_change(config: Config, engine: Engine) -> None:
    with pytest.raises(EngineError, match="expected a live version to change, found none"):
        Changes(config, engine).put([item()])


def test_patches_of_many_threads_are_all_kept(changes: Changes, engine: Engine) -> None:
    outcomes: list[str] = []

    def patch(n: int) -> None:
        [outcome] = changes.patch([{"id": "P5", "attributes": {f"a{n}": n}}])
        outcomes.append(outcome.status)

    threads = [threading.Thread(target=patch, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["written"] * 4
    kept = stored(engine, "P5").item.attributes
    assert {f"a{n}" for n in range(4)} <= set(kept)


def test_changes_during_a_load_are_in_the_new_version(
    config: Config, engine: Engine, catalogue: Write, changes: Changes
) -> None:
    def meddle(what: str, done: int, total: int) -> None:
        if what == "write" and done == 30:  # P0 to P29 are written, the others are to come
            changes.patch([{"id": "P3", "price": 1.0}, {"id": "P40", "price": 2.0}])
            changes.put([item()])
            changes.delete(["P4", "P41"])

    loaded = load(config, catalogue(), engine, promote=True, batch=30, progress=meddle)
    assert loaded.verified
    assert loaded.stale == 2
    assert (stored(engine, "P3").item.price, stored(engine, "P40").item.price) == (1.0, 2.0)
    assert stored(engine, "N1").item.title == "silver tea kettle"
    assert engine.lookup(["P4", "P41"]) == [None, None]
    assert engine.count() == len(ROWS) + 1 - 2
