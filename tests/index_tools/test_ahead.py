"""An `updated_at` of the future is refused, so that it does not keep every change out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from index_tools.ahead import MAX_AHEAD_MS, unix_now_ms, why_ahead
from index_tools.changes import Changes
from index_tools.load import load
from search_rerank.config import Config, LoadConfig
from search_rerank.data.item import parse_item
from search_rerank.data.refused import Refused
from search_rerank.engines.base import Engine
from tests.index_tools.conftest import ON_BOTH, ROWS

Write = Callable[..., Path]
NOW_MS = 1_700_000_000_000
REASON = "updated_at: expected a time up to now, found 2"


def at(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()


def row(time_ms: int, id_: str = "P1", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "title": "tea kettle", "updated_at": at(time_ms)} | fields


@pytest.mark.parametrize(("ahead_ms", "taken"), [(0, True), (1, True), (MAX_AHEAD_MS, True),
                                                 (MAX_AHEAD_MS + 1, False)])  # fmt: skip
def test_the_margin_is_a_day(ahead_ms: int, taken: bool) -> None:
    assert timedelta(milliseconds=MAX_AHEAD_MS) == timedelta(days=1)
    assert (why_ahead(parse_item(row(NOW_MS + ahead_ms)), NOW_MS) is None) is taken
    assert why_ahead(parse_item({"id": "P1", "title": "no time"}), NOW_MS) is None


@ON_BOTH
@pytest.mark.slow
def test_in_changes_it_is_refused_and_freezes_nothing(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    load(config, catalogue(), engine, promote=True)
    changes = Changes(config, engine)
    future = unix_now_ms() + 2 * MAX_AHEAD_MS
    new = {"id": "N1", "title": "pot"}
    put = changes.put(list(map(parse_item, (row(future), new, row(future, "P2")))))
    assert [outcome.status for outcome in put] == ["refused", "written", "refused"]
    assert str(put[0].reason).startswith(REASON)
    assert changes.put([parse_item(row(future))]) == put[:1]
    patch = changes.patch(
        [
            {"id": "P1", "price": 1.0, "updated_at": at(future)},
            {"id": "P1", "rating": 4.0},
            {"id": "P2", "price": 2.0},
        ]
    )
    assert [outcome.status for outcome in patch] == ["refused", "written", "written"]
    assert str(patch[0].reason).startswith(REASON)
    first, second = engine.items(["P1", "P2"])
    assert first is not None and second is not None
    assert (first.price, first.rating, first.updated_at) == (ROWS[1]["price"], 4.0, None)
    assert (second.title, second.price) == (ROWS[2]["title"], 2.0)


@ON_BOTH
@pytest.mark.slow
def test_in_a_load_it_is_refused_and_kept_aside(
    config: Config, engine: Engine, catalogue: Write, tmp_path: Path
) -> None:
    future = unix_now_ms() + 2 * MAX_AHEAD_MS
    wrong = [row(future, f"F{n}") for n in range(3)]
    rows = [wrong[0], *ROWS[:19], wrong[1], wrong[2], *ROWS[19:]]
    tolerant = config.model_copy(update={"load": LoadConfig(max_refused=0.1)})
    with Refused(tmp_path / "aside.jsonl") as refused:
        loaded = load(tolerant, catalogue(rows), engine, promote=True, batch=2, refused=refused)
    assert (loaded.written, loaded.refused, loaded.verified) == (len(ROWS), 3, True)
    assert engine.count() == len(ROWS)
    aside = [json.loads(line) for line in (tmp_path / "aside.jsonl").read_text().splitlines()]
    assert [(one["line"], one["row"]) for one in aside] == list(
        zip((1, 21, 22), wrong, strict=True)
    )
    assert all(one["reason"].startswith(REASON) for one in aside)
    [(reason, count)] = refused.reasons.items()
    assert (reason, count) == ("updated_at: expected a time up to now", 3)
