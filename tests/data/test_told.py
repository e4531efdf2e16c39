"""The fast way through a log takes what the thorough one takes, and says the same of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.event import Interaction, Ranking, Told, parse_event
from search_rerank.data.read import check_time, read_events
from search_rerank.data.refused import Refused
from search_rerank.data.told import plain, read_told
from search_rerank.errors import DataError

NOW = 1_700_000_000_000
CLICK = {
    "event": "interaction",
    "id": "i1",
    "timestamp": NOW,
    "user": "u",
    "item": "a",
    "type": "click",
}

SHORT = st.text(max_size=5)
VALUES = (
    SHORT
    | st.sampled_from(["x" * n for n in (64, 65, 512, 513, 2_000, 2_001)])
    | st.sampled_from(["2023-11-14T22:13:20Z", "1700000000000", " 1700000000000 ", "²", "1e12"])
    | st.integers(-1, 10)
    | st.integers(10**8 - 1, 10**8)
    | st.integers(10**11 - 1, 10**11)
    | st.integers(NOW - 1, NOW + 1)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(SHORT, max_size=2)
    | st.just([{"name": "query", "value": "red"}])
)
NAMES = st.sampled_from(
    ["event", "id", "timestamp", "user", "session", "item", "type", "query", "ranking"]
    + ["time_ms", "fields", "items", "usr"]
)
CHANGES = st.lists(st.tuples(NAMES, VALUES), max_size=3)


def thorough(row: object) -> Interaction | Ranking | str | None:
    try:
        event = parse_event(row)
        if event is not None:
            check_time(event, NOW)
    except DataError as error:
        return str(error)
    return event


@settings(max_examples=250, deadline=None)
@given(CHANGES, st.sets(NAMES, max_size=2))
def test_what_is_plain_is_what_the_thorough_way_returns(
    changes: list[tuple[str, Any]], without: set[str]
) -> None:
    row = {name: value for name, value in {**CLICK, **dict(changes)}.items() if name not in without}
    told = plain(row, NOW)
    found = thorough(row)
    if told is not None:
        assert isinstance(found, Interaction), (row, found)
        assert told._asdict() == found.model_dump(exclude={"event"})


EDGES: list[dict[str, Any]] = [
    *({name: "x" * n} for name in ("id", "item", "user", "ranking") for n in (0, 1, 512, 513)),
    *({"session": "x" * n} for n in (0, 1, 512, 513)),
    *({"type": "x" * n} for n in (0, 1, 64, 65)),
    *({"query": "x" * n} for n in (0, 2_000, 2_001)),
    *({"timestamp": n} for n in (-1, 0, 10**8 - 1, 10**8, 10**11 - 1, 10**11, NOW, NOW + 1)),
    *({"timestamp": f"{n}"} for n in (10**8, NOW, NOW + 1)),
    {"user": None},
    {"timestamp": True},
]


@pytest.mark.parametrize("change", EDGES, ids=lambda change: f"{change!s:.30}")
def test_both_ways_agree_at_the_edges(change: dict[str, Any]) -> None:
    told, found = plain({**CLICK, **change}, NOW), thorough({**CLICK, **change})
    if told is None:
        assert isinstance(found, str)
    else:
        assert isinstance(found, Interaction), found
        assert told._asdict() == found.model_dump(exclude={"event"})


@given(
    st.fixed_dictionaries(
        {
            "event": st.just("interaction"),
            "id": st.text(min_size=1, max_size=512),
            "timestamp": st.integers(10**11, NOW),
            "item": st.text(min_size=1, max_size=512),
            "type": st.text(min_size=1, max_size=64),
            "user": st.text(min_size=1),
        },
        optional={
            "session": st.none() | st.text(min_size=1),
            "query": st.none() | st.text(max_size=2_000),
            "ranking": st.none() | st.text(min_size=1),
        },
    )
)
def test_a_row_of_the_format_is_plain(row: dict[str, Any]) -> None:
    assert plain(row, NOW) is not None


@pytest.mark.parametrize("row", [None, [], "x", 1, {}, {"event": "ranking"}, {**CLICK, "x": 1}])
def test_what_is_not_plain(row: object) -> None:
    assert plain(row, NOW) is None


ROWS = [
    CLICK,
    {**CLICK, "id": 7, "timestamp": "2023-11-14T22:13:19Z"},
    {**CLICK, "id": "seconds", "timestamp": NOW // 1000},
    {**CLICK, "id": "later", "timestamp": NOW + 1},
    {**CLICK, "id": "nobody", "user": None},
    {**CLICK, "id": "unknown", "usr": "u"},
    {"event": "item", "id": "x", "timestamp": NOW, "item": "a"},
    {"event": "ranking", "id": "r", "timestamp": NOW, "user": "u", "items": [{"id": "a"}, "b"]},
    {**CLICK, "id": "fields", "fields": [{"name": "query", "value": "red shoe"}]},
    "no object",
]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv"])
def test_both_ways_read_a_file_alike(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"events{suffix}"
    if suffix == ".csv":
        path.write_text(
            "event,id,timestamp,user,session,item,type,query\n"
            "interaction,1,1699999999999,u,,a,click,red shoe\n"
            "interaction,2,2023-11-14T22:13:19Z,,s,b,cart,\n"
            "interaction,3,yesterday,u,,a,click,\n"
            "interaction,4,1699999999999,,,a,click,\n"
        )
    else:
        import gzip

        lines = b"".join(orjson.dumps(row) + b"\n" for row in ROWS) + b'{"cut'
        path.write_bytes(gzip.compress(lines) if suffix.endswith("gz") else lines)
    fast_refused, refused = Refused(tmp_path / "fast"), Refused(tmp_path / "thorough")
    with fast_refused, refused:
        fast = list(read_told(path, fast_refused, NOW, 0))
        thorough = list(read_events(path, refused, None, NOW, 0))
    assert [
        one._asdict() if isinstance(one, Told) else one.model_dump(exclude={"event"})
        for one in fast
    ] == [one.model_dump(exclude={"event"}) for one in thorough]
    assert (fast_refused.reasons, fast_refused.notes) == (refused.reasons, refused.notes)
    assert fast_refused.examples == refused.examples
    assert fast_refused.cut_off == refused.cut_off
    assert (tmp_path / "fast").read_bytes() == (tmp_path / "thorough").read_bytes()


def test_an_id_that_comes_again_is_returned_again(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(orjson.dumps(CLICK) + b"\n" + orjson.dumps(CLICK) + b"\n")
    refused = Refused()
    assert len(list(read_told(path, refused, NOW))) == 2
    assert len(refused) == 0
