"""Public logs of real people: RankLens and Best Buy."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest

from search_rerank.data.bestbuy import read_clicks
from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.layouts import load_dataset
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError

NOW = 1_700_000_000_000


def field(name: str, value: object) -> dict[str, object]:
    return {"name": name, "value": value}


FILM = {
    "event": "item",
    "id": "i1",
    "item": "7",
    "timestamp": "1000",
    "fields": [
        field("title", "Heat"),
        field("vote_avg", 7.9),
        field("vote_cnt", 12.0),
        field("budget", 0.0),
        field("runtime", 170.0),
        field("genres", ["crime", "drama"]),
        field("tags", []),
        field("director", "mann"),
        field("writer", ""),
    ],
}
LIST = {
    "event": "ranking",
    "id": "r1",
    "timestamp": "2000",
    "user": "u",
    "session": "u",
    "items": [{"id": "7", "relevancy": 0.0}, {"id": "8", "relevancy": 0.0}],
    "fields": [],
}
CLICK = {
    "event": "interaction",
    "id": "c1",
    "timestamp": "2005",
    "item": "8",
    "ranking": "r1",
    "user": "u",
    "session": "u",
    "type": "click",
    "fields": [],
}


def films(folder: Path, *rows: object) -> Path:
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    (folder / "events.jsonl.gz").write_bytes(gzip.compress(data))
    return folder


def test_small_ranklens(tmp_path: Path) -> None:
    refused = Refused()
    data = load_dataset(films(tmp_path, FILM, LIST, CLICK), NOW, refused)
    film, nameless = data.items
    assert (film.id, film.title, film.rating, film.rating_count) == ("7", "Heat", 7.9, 12)
    assert film.attributes == {"runtime": 170.0, "genres": ["crime", "drama"], "director": "mann"}
    assert (nameless.id, nameless.title) == ("8", "Item 8")
    assert refused.notes == {"items without an item event named by their id": 1}
    shown, click = data.events
    assert isinstance(shown, Ranking) and isinstance(click, Interaction)
    assert (shown.items, shown.time_ms) == (("7", "8"), 2000)
    assert (click.item, click.ranking, click.user) == ("8", "r1", "u")


def test_what_ranklens_refuses(tmp_path: Path) -> None:
    refused = Refused()
    broken = FILM | {"item": "9", "fields": [{"title": "Ran"}]}
    data = load_dataset(films(tmp_path, FILM, FILM, broken, LIST), NOW, refused)
    assert [item.id for item in data.items] == ["7", "8"]
    assert refused.reasons == {
        "item: expected each once": 1,
        "fields: expected a list of objects with name and value": 1,
    }


def test_a_log_without_its_catalogue_is_no_ranklens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="known layout"):
        load_dataset(films(tmp_path, LIST, CLICK), NOW)


@pytest.mark.data
def test_real_ranklens(public_data: Callable[[str], Path]) -> None:
    refused = Refused()
    data = load_dataset(public_data("ranklens"), NOW, refused)
    shown = [event for event in data.events if isinstance(event, Ranking)]
    assert (len(data.items), len(shown), len(data.events)) == (2_520, 9_800, 9_800 + 46_125)
    assert {len(event.items) for event in shown} == {24}
    assert (len(refused), refused.notes.total()) == (0, 8)


CLICKS = (
    "user,sku,category,query,click_time,query_time\n"
    "u,1,c,halo,2011-08-11 04:00:17.021,2011-08-11 03:59:04.27\n"
    "v,2,c,fifa 12,2011-08-11 04:00:00,2011-08-11 03:59:00\n"
    "v,2,c,late,2011-08-11 04:00:00,2011-08-11 04:00:01\n"
    "v,2,c,odd,yesterday,2011-08-11 04:00:01\n"
)


def shop(folder: Path) -> Path:
    (folder / "clicks.csv.gz").write_bytes(gzip.compress(CLICKS.encode()))
    (folder / "products.csv.gz").write_bytes(gzip.compress(b"sku,name\n1,Halo 3\n"))
    return folder


def test_small_bestbuy(tmp_path: Path) -> None:
    refused = Refused()
    items, clicks = read_clicks(shop(tmp_path), refused)
    assert [(item.id, item.title) for item in items] == [("1", "Halo 3"), ("2", "Product 2")]
    assert [(click.event.query, click.event.item, click.event.user) for click in clicks] == [
        ("fifa 12", "2", "v"),
        ("halo", "1", "u"),
    ]
    assert [click.event.time_ms - click.asked_ms for click in clicks] == [60_000, 72_751]
    assert clicks[1].event.time_ms == 1_313_035_217_021  # 2011-08-11T04:00:17.021Z
    assert refused.reasons == {
        "query_time: expected none after the click": 1,
        "expected ISO 8601 or unix milliseconds": 1,
    }
    assert load_dataset(tmp_path, NOW).events == [click.event for click in clicks]


@pytest.mark.data
def test_real_bestbuy(public_data: Callable[[str], Path]) -> None:
    refused = Refused()
    items, clicks = read_clicks(public_data("bestbuy_xbox_small"), refused)
    assert (len(items), len(clicks), len(refused)) == (437 + 21, 42_365, 0)
    assert len({click.event.id for click in clicks}) == len(clicks)
    assert len({click.event.user for click in clicks}) == 38_024
    queries = {(click.event.query or "").strip().lower() for click in clicks}
    assert len(queries) == 4_629
    assert np.all(np.diff([click.event.time_ms for click in clicks]) >= 0)
