"""The examples in docs/data.md are read by the readers they describe."""

import re
from pathlib import Path

import orjson

from search_rerank.data.event import parse_event
from search_rerank.data.ids import IdMap
from search_rerank.data.read import read_events, read_items
from search_rerank.data.refused import Refused

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(jsonl|csv|json)\n(.*?)```", TEXT, re.DOTALL)
NOW = 1_800_000_000_000


def blocks(kind: str) -> list[str]:
    return [body for name, body in BLOCKS if name == kind]


def test_every_example_is_accepted(tmp_path: Path) -> None:
    catalogue, *logs = blocks("jsonl")
    (table,) = blocks("csv")
    (tmp_path / "a.jsonl").write_text(catalogue, encoding="utf-8")
    (tmp_path / "a.csv").write_text(table, encoding="utf-8")
    (tmp_path / "events.jsonl").write_text("".join(logs), encoding="utf-8")
    refused = Refused()
    json_items = list(read_items(tmp_path / "a.jsonl", refused))
    csv_items = list(read_items(tmp_path / "a.csv", refused))
    ids = IdMap(item.id for item in csv_items)
    events = list(read_events(tmp_path / "events.jsonl", refused, ids, NOW))
    assert len(refused) == 0, refused.examples
    assert [item.id for item in json_items] == ["B01", "B02"]
    assert csv_items[0].category == ["Beauty", "Makeup", "Lips"]
    assert csv_items[1].category == json_items[1].category
    assert csv_items[1].attributes == {"colour": "red", "size": 42.0}
    assert csv_items[2].price is None
    assert [event.id for event in events] == ["r1", "i1", "i2", "r2"]
    assert events[3].query == "soap"
    assert refused.notes == {"item events ignored": 1}


def test_each_event_line_is_parsed() -> None:
    for block in blocks("jsonl")[1:]:
        for line in block.splitlines():
            event = parse_event(orjson.loads(line))
            assert event is None or event.time_ms > 1_700_000_000_000


def test_the_refused_example_has_the_fields_of_the_file(tmp_path: Path) -> None:
    (example,) = blocks("json")
    with Refused(tmp_path / "refused.jsonl") as refused:
        refused.add("catalogue.jsonl", 7, "x", {})
    written = orjson.loads((tmp_path / "refused.jsonl").read_bytes())
    assert list(orjson.loads(example)) == list(written)
