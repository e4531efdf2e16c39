from pathlib import Path
from typing import Any

import orjson
import pytest

from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.ids import IdMap
from search_rerank.data.read import read_events, read_items
from search_rerank.data.refused import Refused
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
SHOWN = {"event": "ranking", "id": "r1", "timestamp": NOW, "items": ["a", "b"]}


def write(path: Path, *values: object) -> Path:
    path.write_bytes(
        b"".join(v if isinstance(v, bytes) else orjson.dumps(v) + b"\n" for v in values)
    )
    return path


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "x"}, "title is missing"),
        ({"id": "x", "title": ""}, "title: .*at least 1 character"),
        ({"id": "x", "title": "  "}, "title: .*at least 1 character"),
        ({"id": "x", "title": "t" * 1_000_000}, r"title: .*at most 2000 .*\(1000002 characters\)"),
        ({"id": "x", "title": "t", "price": "cheap"}, "price: .*valid number.*found 'cheap'"),
        ({"id": "x", "title": "t", "price": "NaN"}, "price: .*finite number"),
        ({"id": "x", "title": "t", "price": -1}, "price: .*greater than or equal to 0"),
        ({"id": "x", "title": "t", "titel": "t"}, "unknown field 'titel' .did you mean 'title'"),
        ({"id": "x", "title": "t", "category": "A"}, "category: expected a list such as"),
        ({"id": True, "title": "t"}, "id: .*valid string"),
        ({"id": "first", "title": "t"}, "id: expected each once, .*found 'first' again"),
        (["x"], "expected an object with at least id and title"),
        (b'{"id": "x", "price": NaN}\n', "not valid JSON, found"),
    ],
)
def test_a_wrong_item_is_refused_alone(tmp_path: Path, row: object, reason: str) -> None:
    first, last = {"id": "first", "title": "A"}, {"id": "last", "title": "Z"}
    path = write(tmp_path / "catalogue.jsonl", first, row, last)
    refused = Refused()
    assert [item.id for item in read_items(path, refused)] == ["first", "last"]
    (example,) = refused.examples
    assert (example.file, example.line) == ("catalogue.jsonl", 2)
    with pytest.raises(DataError, match=reason):
        raise DataError(example.reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item": "nope"}, "item: expected one of the catalogue, found 'nope'"),
        ({"timestamp": NOW + 300_001}, "timestamp: expected the past"),
        ({"timestamp": NOW // 1000}, "timestamp: expected unix milliseconds, found seconds"),
        ({"timestamp": "yesterday"}, "^timestamp: expected ISO 8601 or unix milliseconds, found"),
        ({"timestamp": "0001-01-01"}, "timestamp: .*between 1970 and 5138"),
        ({"id": "i0"}, "id: expected each once, .*found 'i0' again"),
        ({"user": None}, "expected a user, a session or both"),
        ({"event": "clik"}, "expected interaction or ranking, found 'clik'"),
        ({"usr": "u"}, "unknown field 'usr' .did you mean 'user'"),
        ({"query": "q" * 10_000}, "query: .*at most 2000 characters"),
        ({**SHOWN, "items": ["nope"], "item": None, "type": None}, "item"),
        ({"event": None}, "expected interaction or ranking"),
    ],
)
def test_a_wrong_event_is_refused_alone(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    path = write(tmp_path / "e.jsonl", CLICK | {"id": "i0"}, CLICK | change, CLICK | {"id": "i2"})
    refused = Refused()
    found = list(read_events(path, refused, IdMap(["a", "b"]), NOW))
    assert [event.id for event in found] == ["i0", "i2"]
    (example,) = refused.examples
    assert example.line == 2
    with pytest.raises(DataError, match=reason):
        raise DataError(example.reason)


def test_a_ranking_keeps_its_known_items_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.jsonl",
        SHOWN | {"items": ["b", "x", "a", "y"]},
        SHOWN | {"id": "r2", "items": ["x"]},
        CLICK | {"id": "r1"},
    )
    refused = Refused()
    ranking, click = read_events(path, refused, IdMap(["a", "b"]), NOW)
    assert isinstance(ranking, Ranking)
    assert isinstance(click, Interaction), "an id is taken once for each kind of event"
    assert ranking.items == ("b", "a")
    assert refused.notes == {"unknown items left out of rankings": 2}
    assert refused.reasons == {"items: expected some of the catalogue": 1}


def test_five_minutes_ahead_are_accepted(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", CLICK | {"timestamp": NOW + 300_000})
    assert len(list(read_events(path, Refused(), None, NOW))) == 1


def test_without_a_catalogue_every_item_is_accepted_and_numbers_are_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", CLICK | {"item": 7, "user": 8})
    (event,) = read_events(path, Refused(), None, NOW)
    assert isinstance(event, Interaction)
    assert (event.item, event.user) == ("7", "8")


def test_item_and_user_events_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.jsonl", {"event": "item"}, {"event": "user"}, {"event": "user"}, CLICK
    )
    refused = Refused()
    assert len(list(read_events(path, refused, None, NOW))) == 1
    assert refused.summary() == "0 refused; 2 user events ignored; 1 item events ignored"


def test_a_missing_file_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_items(tmp_path / "no.jsonl", Refused())
    with pytest.raises(DataError, match="cannot be read"):
        read_events(tmp_path / "no.jsonl", Refused(), None, NOW)
