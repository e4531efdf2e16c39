"""Public judgement sets: what becomes of each field, and what is refused."""

import gzip
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from search_rerank.data import chorus, esci
from search_rerank.data.chorus import read_chorus
from search_rerank.data.esci import read_esci
from search_rerank.data.item import Item
from search_rerank.data.judgements import Judgements
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError


def put(folder: Path, name: str, lines: list[object]) -> None:
    rows = [line.encode() if isinstance(line, str) else orjson.dumps(line) for line in lines]
    (folder / name).write_bytes(gzip.compress(b"\n".join(rows)))


def put_chorus(folder: Path, products: list[object], ratings: list[object]) -> None:
    put(folder, chorus.PRODUCTS, products)
    put(folder, chorus.RATINGS, ["query,docid,rating", *ratings])


def product(id_: str, **more: object) -> dict[str, object]:
    return {"id": id_, "title": f"Thing {id_}"} | more


def test_a_chorus_product_keeps_all_that_is_of_use(tmp_path: Path) -> None:
    row = product(
        "1",
        name="dv7-1211ea",
        short_description="17 inch",
        supplier="HP",
        price=10995,
        date_released="2008-12-19T00:00:00Z",
        attr_t_cards="MS PRO,SD,xD (1,5 mm), long",
        attr_n_weight__net_=3.5,
        attr_b_bluetooth=True,
        attr_t_empty="",
        attr_t_long="ab " * 300,
    )
    put_chorus(tmp_path, [row], ["laptop,1,3"])
    (item,) = read_chorus(tmp_path).items
    assert item == Item(
        id="1",
        title="Thing 1",
        description="17 inch",
        brand="HP",
        price=109.95,
        attributes={
            "mpn": "dv7-1211ea",
            "released": 2008,
            "cards": ["MS PRO", "SD", "xD (1,5 mm), long"],
            "weight__net": 3.5,
            "bluetooth": True,
            "long": [("ab " * 167).strip(), ("ab " * 133).strip()],
        },
    )


def test_the_first_attribute_of_a_name_counts(tmp_path: Path) -> None:
    row = product("1", attr_t_size="large", attr_n_size=4.0)
    put_chorus(tmp_path, [row], ["laptop,1,3"])
    assert read_chorus(tmp_path).items[0].attributes == {"size": "large"}


def test_bad_chorus_rows_are_refused_and_counted(tmp_path: Path) -> None:
    products = [
        product("1"),
        product("1", title="again"),
        product("2", price=-5),
        product("3", price=True),
        product("4", date_released="soon"),
        product("5", title=""),
        {"id": "6"},
        [7],
        "{broken",
        product("8"),
    ]
    ratings = ["tv,1,3", "tv,1,0", "tv,8,0", "tv,9,2", "tv,8,4", "tv,8", "pc,8,x", "pc,8,0"]
    put_chorus(tmp_path, products, ratings)
    refused = Refused()
    judgements = read_chorus(tmp_path, refused)
    assert [item.id for item in judgements.items] == ["1", "8"]
    assert judgements.gains == {"tv": {"1": 3.0, "8": 0.0}, "pc": {"8": 0.0}}
    assert judgements.with_positive() == ["tv"]
    assert refused.reasons == {
        "id: expected each once, the first is kept": 1,
        "price: expected a whole number of hundredths": 2,
        "date_released: expected a date": 1,
        "title: String should have at least 1 character": 1,
        "title missing": 1,
        "expected an object": 1,
        "not valid JSON": 1,
        "expected each query and item once, the first is kept": 1,
        "rating: expected 0, 1, 2 or 3": 2,
        "expected 3 cells": 1,
    }
    assert refused.notes == {"judged items that the catalogue does not hold left out": 1}


def test_an_esci_product_keeps_all_that_is_of_use(tmp_path: Path) -> None:
    full = {
        "asin": "B1",
        "title": "Soap",
        "description": "Mild.",
        "bullet_points": "Green\nLarge",
        "brand": "Lumen",
        "category": ["Beauty", "Bath"],
        "color": "Green",
        "price": 4.5,
        "rating": 4.6,
        "rating_count": 12,
        "image": "https://example.org/soap.jpg",
        "is_book": False,
        "query_id": ["1"],
    }
    bare = {"asin": "B2", "title": "Comb", "description": "", "bullet_points": "", "category": []}
    put(tmp_path, esci.PRODUCTS, [full, bare | {"price": None, "brand": None, "color": None}])
    lines = [f"soap,B1,{label}" for label in "E"] + ["soap,B2,S", "comb,B2,C", "comb,B1,I"]
    put(tmp_path, esci.JUDGEMENTS, ["query,asin,esci_label", *lines])
    assert read_esci(tmp_path) == Judgements(
        "esci_us_subset",
        [
            Item(
                id="B1",
                title="Soap",
                description="Mild.\nGreen\nLarge",
                brand="Lumen",
                category=["Beauty", "Bath"],
                price=4.5,
                currency="USD",
                rating=4.6,
                rating_count=12,
                image_url="https://example.org/soap.jpg",
                attributes={"color": "Green", "is_book": False},
            ),
            Item(id="B2", title="Comb"),
        ],
        {"soap": {"B1": 1.0, "B2": 0.1}, "comb": {"B2": 0.01, "B1": 0.0}},
    )


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    put(tmp_path, esci.PRODUCTS, [{"asin": "B1", "title": "Soap"}])
    put(tmp_path, esci.JUDGEMENTS, ["query,asin,esci_label", "soap,B1,E", "comb,B1,X"])
    refused = Refused()
    assert read_esci(tmp_path, refused).gains == {"soap": {"B1": 1.0}}
    assert refused.reasons == {"esci_label: expected E, S, C, I": 1}


def test_judgements_of_nothing_known_are_no_set(tmp_path: Path) -> None:
    put_chorus(tmp_path, [product("1")], ["tv,2,3"])
    with pytest.raises(DataError, match="expected judgements of the catalogue's items, found none"):
        read_chorus(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"products\.jsonl\.gz: cannot be read"):
        read_esci(tmp_path)


@pytest.mark.data
def test_real_chorus(public_data: Callable[[str], Path]) -> None:
    refused = Refused()
    judgements = read_chorus(public_data(chorus.NAME), refused)
    assert (len(judgements.items), len(judgements.gains)) == (19_406, 135)
    assert sum(map(len, judgements.gains.values())) == 3_668
    assert len(judgements.with_positive()) == 116
    assert (len(refused), refused.notes) == (0, {})


@pytest.mark.data
def test_real_esci(public_data: Callable[[str], Path]) -> None:
    refused = Refused()
    judgements = read_esci(public_data(esci.NAME), refused)
    assert (len(judgements.items), len(judgements.gains)) == (6_764, 150)
    assert sum(map(len, judgements.gains.values())) == 6_678
    assert len(judgements.with_positive()) == 150
    assert (len(refused), refused.notes) == (0, {})
