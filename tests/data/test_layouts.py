import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search_rerank.data.amazon import read_amazon_beauty
from search_rerank.data.event import Interaction
from search_rerank.data.layouts import DATA_ROOT_VARIABLE, data_root, load_dataset
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError

NOW = 1_700_000_000_000


def put(folder: Path, name: str, text: str) -> None:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.fixture
def small_beauty(tmp_path: Path) -> Path:
    folder = tmp_path / "beauty"
    folder.mkdir()
    put(
        folder,
        "items.csv.gz",
        "asin,transrec_id,s3rec_id,title,categories_json\n"
        '0001,1,1,Soap,"[[""Beauty"", ""Bath""], [""Other""]]"\n'
        '0002,2,2,,"[[""Beauty"", ""Hair""]]"\n'
        "0003,3,3,,[]\n"
        "0004,4,4,Broken,oops\n",
    )
    put(
        folder,
        "interactions.csv.gz",
        "user_id,asin,position,timestamp\n"
        "u1,0001,1,1318896000\nu1,0002,0,1318896000\nu2,0003,0,1318896000\nu2,0001,1,1300000000\n"
        "u2,0009,2,1318896000\nu2,0001,x,1318896000\nu2,0001,,1318896000\n",
    )
    put(
        folder,
        "hem_recipe_queries.csv.gz",
        "query_id,query,asin\n0,beauty bath,0001\n1,beauty,0001\n1,beauty,0002\n1,beauty,0009\n",
    )
    return folder


def test_small_beauty(small_beauty: Path) -> None:
    refused = Refused()
    data = load_dataset(small_beauty, NOW, refused)
    assert [(item.id, item.title, item.category) for item in data.items] == [
        ("0001", "Soap", ["Beauty", "Bath"]),
        ("0002", "Hair 0002", ["Beauty", "Hair"]),
        ("0003", "Item 0003", []),
    ]
    assert [event.id for event in data.events] == ["u2-1", "u1-0", "u2-0", "u1-1"]
    assert data.events[1] == Interaction(
        id="u1-0", timestamp=1318896000 * 1000, user="u1", item="0002", type="purchase"
    )
    assert data.query_items == {"beauty bath": ["0001"], "beauty": ["0001", "0002"]}
    # Titles open with the brand; a title made up here names none.
    assert [item.brand for item in data.items] == ["Soap", None, None]
    assert refused.notes == {"items without a title named by category and id": 2}
    assert refused.reasons == {
        "categories_json: expected a JSON list of paths": 1,
        "asin: expected a known item": 2,
        "expected whole numbers": 1,
        "position missing": 1,
    }


@pytest.mark.data
def test_real_beauty(public_data: Callable[[str], Path]) -> None:
    refused = Refused()
    data = read_amazon_beauty(public_data("amazon_beauty_5core"), refused)
    assert (len(data.items), len(data.events)) == (12_101, 198_502)
    assert len({event.user for event in data.events}) == 22_363
    assert len({event.id for event in data.events}) == 198_502
    assert data.query_items is not None
    assert len(data.query_items) == 251
    assert sum(map(len, data.query_items.values())) == 12_115
    assert len(refused) == 0
    assert np.all(np.diff([event.time_ms for event in data.events]) >= 0)


def test_a_shop(tmp_path: Path) -> None:
    put(tmp_path, "catalogue.csv.gz", "id,title\na,A\nb,\n")
    event = (
        '{"event":"interaction","id":"%s","timestamp":1,"user":"u","type":"click","item":"%s"}\n'
    )
    put(tmp_path, "events.jsonl", event % ("1", "a") + event % ("2", "b"))
    refused = Refused()
    data = load_dataset(tmp_path, NOW, refused)
    assert data.name == tmp_path.name
    assert [item.id for item in data.items] == ["a"]
    assert [event.id for event in data.events] == ["1"]
    assert data.query_items is None
    assert [(row.file, row.line) for row in refused.examples] == [
        ("catalogue.csv.gz", 3),
        ("events.jsonl", 2),
    ]


@pytest.mark.parametrize(
    ("names", "match"),
    [
        ([], r"known layout \(shop: catalogue.*; amazon_beauty_5core: items.*found no files"),
        (["catalogue.jsonl"], "known layout .*found catalogue.jsonl"),
        ([f"f{n:02}" for n in range(20)], "found f00, .*f11 and 8 more"),
        (["catalogue.csv", "catalogue.jsonl.gz", "events.csv"], "expected one catalogue file"),
    ],
)
def test_an_unknown_layout(tmp_path: Path, names: list[str], match: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=match):
        load_dataset(tmp_path, NOW)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found nothing there"):
        load_dataset(tmp_path / "no", NOW)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="found a file"):
        load_dataset(tmp_path / "file", NOW)


def test_data_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.delenv(DATA_ROOT_VARIABLE)
    assert data_root() == Path(__file__).resolve().parents[3] / "shared" / "data"
