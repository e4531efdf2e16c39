"""The feeds on docs/catalogue.md are read as the page says."""

import re
from pathlib import Path

import orjson

from search_rerank.data.item import Item
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused

TEXT = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(tsv|xml|csv|json)\n(.*?)```", TEXT, re.DOTALL))


def items(tmp_path: Path, kind: str) -> list[Item]:
    path = tmp_path / f"feed.{kind}"
    path.write_text(BLOCKS[kind].rstrip("\n") + "\n", encoding="utf-8")
    refused = Refused()
    found = list(read_items(path, refused))
    assert len(refused) == 0, refused.examples
    assert refused.cut_off is None
    return found


def test_merchant_table_and_xml_give_the_same_product(tmp_path: Path) -> None:
    shoe, soap = items(tmp_path, "tsv")
    (same,) = items(tmp_path, "xml")
    assert (soap.price, soap.currency, soap.in_stock) == (3.2, "EUR", False)
    assert soap.category == ["Beauty"]
    assert same.attributes["shipping"] == "country: DE, price: 4.90 EUR"
    left = {name: value for name, value in same.attributes.items() if name != "shipping"}
    assert same.model_copy(update={"attributes": left}) == shoe
    assert shoe == Item(
        id="SHOE-42",
        title="Trail shoe, 42",
        description="Light, for wet ground.",
        brand="Fjell",
        category=["Sport", "Running", "Shoes"],
        price=79,
        currency="EUR",
        in_stock=True,
        image_url="https://shop.example/1.jpg",
        url="https://shop.example/p/1",
        group_id="trail-shoe",
        attributes={
            "regular_price": 89.5,
            "availability": "in_stock",
            "gtin": "04012345678901",
            "color": "red",
            "additional_image_link": ["https://shop.example/2.jpg", "https://shop.example/3.jpg"],
        },
    )


def test_shopify_variants(tmp_path: Path) -> None:
    red, blue, soap = items(tmp_path, "csv")
    assert red == Item(
        id="TS-R-42",
        title="Trail shoe - Red / 42",
        description="Light, for wet ground.",
        brand="Fjell",
        category=["Apparel & Accessories", "Shoes"],
        price=79,
        in_stock=True,
        image_url="https://shop.example/red.jpg",
        url="/products/trail-shoe",
        group_id="trail-shoe",
        attributes={
            "colour": "Red",
            "size": "42",
            "sku": "TS-R-42",
            "gtin": "04012345678901",
            "tags": ["wet", "mountain"],
            "type": "Running",
            "grams": 310.0,
            "regular_price": 89.5,
            "additional_image_link": ["https://shop.example/1.jpg", "https://shop.example/2.jpg"],
        },
    )
    assert (blue.id, blue.title, blue.in_stock) == ("TS-B-43", "Trail shoe - Blue / 43", False)
    assert (blue.image_url, blue.brand) == ("https://shop.example/1.jpg", "Fjell")
    assert (soap.id, soap.title, soap.in_stock, soap.price) == ("soap", "Soap", True, 3.2)
    assert soap.attributes == {"type": "Beauty"}


def test_the_refused_row_is_as_shown(tmp_path: Path) -> None:
    path = tmp_path / "feed.tsv"
    path.write_text("id\ttitle\tlink\tprice\nA\tA\t\t1 EUR\nSOAP\tSoap\t\t3,20 EUR\n")
    with Refused(tmp_path / "refused.jsonl") as refused:
        assert [item.id for item in read_items(path, refused)] == ["A"]
    written = orjson.loads((tmp_path / "refused.jsonl").read_bytes())
    assert written == orjson.loads(BLOCKS["json"])
