"""The Shopify product export: products, variants and images become items."""

import csv
import io
import tracemalloc
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.data.item import Item
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused

OLD = {
    "handle": "Handle",
    "option_name": "Option1 Name",
    "option": "Option1 Value",
    "sku": "Variant SKU",
    "price": "Variant Price",
    "was": "Variant Compare At Price",
    "tracker": "Variant Inventory Tracker",
    "quantity": "Variant Inventory Qty",
    "policy": "Variant Inventory Policy",
    "image": "Image Src",
    "variant_image": "Variant Image",
    "published": "Published",
    "body": "Body (HTML)",
    "grams": "Variant Grams",
    "barcode": "Variant Barcode",
    "mpn": "Google Shopping / MPN",
}
NEW = {
    "handle": "URL handle",
    "option_name": "Option1 name",
    "option": "Option1 value",
    "sku": "SKU",
    "price": "Price",
    "was": "Compare-at price",
    "tracker": "Inventory tracker",
    "quantity": "Inventory quantity",
    "policy": "Continue selling when out of stock",
    "image": "Product image URL",
    "variant_image": "Variant image URL",
    "published": "Published on online store",
    "body": "Description",
    "grams": "Weight value (grams)",
    "barcode": "Barcode",
    "mpn": "Google Shopping / Manufacturer part number (MPN)",
}
SAME = {
    "title": "Title",
    "vendor": "Vendor",
    "tags": "Tags",
    "status": "Status",
    "cost": "Cost per item",
    "season": "Season (product.metafields.custom.season-name)",
    "colours": "Color (product.metafields.shopify.color-pattern)",
}


def export(path: Path, *rows: dict[str, str], names: dict[str, str] = OLD) -> Path:
    columns = names | SAME
    used = [key for key in columns if key in {"handle", "title", "price"}.union(*rows)]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([columns[key] for key in used])
    table.writerows([row.get(key, "") for key in used] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def read(path: Path, refused: Refused | None = None) -> list[Item]:
    return list(read_items(path, Refused() if refused is None else refused))


CUP = {"handle": "cup", "title": "Cup", "option_name": "Size", "option": "S", "price": "5"}


@pytest.mark.parametrize("names", [OLD, NEW], ids=["old", "new"])
def test_both_exports_say_the_same(tmp_path: Path, names: dict[str, str]) -> None:
    path = export(
        tmp_path / "a.csv",
        CUP
        | {
            "sku": "c1", "was": "6.50", "tracker": "shopify", "quantity": "0",
            "policy": "continue", "image": "i1", "published": "TRUE", "body": "<p>A</p><p>cup</p>",
            "grams": "200", "barcode": "'0012", "mpn": "m", "vendor": "V", "tags": "a, b",
            "status": "active", "cost": "1.00", "season": "S1; S2", "colours": "red; blue",
        },
        {"handle": "cup", "option": "M", "sku": "c2", "price": "5", "tracker": "shopify",
         "quantity": "3", "policy": "deny", "variant_image": "i9"},
        {"handle": "cup", "image": "i2"},
        names=names,
    )  # fmt: skip
    shared = {"tags": ["a", "b"], "mpn": "m", "season_name": "S1; S2",
              "color_pattern": ["red", "blue"]}  # fmt: skip
    refused = Refused()
    assert read(path, refused) == [
        Item(
            id="c1", title="Cup - S", description="A cup", brand="V", price=5, in_stock=True,
            image_url="i1", url="/products/cup", group_id="cup",
            attributes=shared | {"size": "S", "sku": "c1", "gtin": "0012", "grams": 200.0,
                                 "regular_price": 6.5, "additional_image_link": "i2"},
        ),
        Item(
            id="c2", title="Cup - M", description="A cup", brand="V", price=5, in_stock=True,
            image_url="i9", url="/products/cup", group_id="cup",
            attributes=shared | {"size": "M", "sku": "c2", "additional_image_link": ["i1", "i2"]},
        ),
    ]  # fmt: skip
    assert (len(refused), refused.notes) == (0, {})


@pytest.mark.parametrize(
    ("skus", "ids"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", ""], ["cup-1", "cup-2"]),
        (["a", "a"], ["cup-1", "cup-2"]),
        (["", ""], ["cup-1", "cup-2"]),
        ([""], ["cup"]),
        (["a"], ["a"]),
    ],
)
def test_ids(tmp_path: Path, skus: list[str], ids: list[str]) -> None:
    rows = [{"handle": "cup", "option": str(n), "price": "1", "sku": s} for n, s in enumerate(skus)]
    rows[0] |= {"title": "Cup", "option_name": "Size"}
    assert [item.id for item in read(export(tmp_path / "a.csv", *rows))] == ids


@pytest.mark.parametrize(
    ("fields", "in_stock"),
    [
        ({}, None),
        ({"quantity": "2"}, True),
        ({"quantity": "-2"}, False),
        ({"quantity": "0", "policy": "deny"}, False),
        ({"quantity": "0", "policy": "CONTINUE"}, True),
        ({"quantity": "0", "policy": "TRUE"}, True),
        ({"quantity": "0", "tracker": ""}, True),
        ({"quantity": "0", "tracker": "shopify"}, False),
    ],
)
def test_stock(tmp_path: Path, fields: dict[str, str], in_stock: bool | None) -> None:
    (item,) = read(export(tmp_path / "a.csv", CUP | fields))
    assert item.in_stock is in_stock
    assert item.title == "Cup", "one variant needs no options in its title"


def test_what_is_not_for_sale_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        {"handle": f"{status}{n}", "title": "T", "price": "1", "status": status, "published": shown}
        for n, (status, shown) in enumerate(
            [("draft", "true"), ("Archived", "true"), ("active", "FALSE"), ("active", "true")]
        )
    ]
    refused = Refused()
    rows.insert(1, {"handle": "draft0", "option": "M", "price": "1"})
    assert [item.id for item in read(export(tmp_path / "a.csv", *rows), refused)] == ["active3"]
    assert refused.notes == {
        "variants of Shopify products with status draft left out": 2,
        "variants of Shopify products with status archived left out": 1,
        "variants of Shopify products that are not published left out": 1,
    }
    assert len(refused) == 0


@pytest.mark.parametrize(
    ("fields", "reason", "row"),
    [
        ({"price": "5 EURO"}, "price: price: expected a number", {"price": "5 EURO"}),
        ({"was": "x"}, "price: compare-at price: expected a number", {"price": "x"}),
        ({"quantity": "many"}, "in_stock: expected a whole number", {"in_stock": "many"}),
        ({"status": "gone"}, "status: expected active, draft or archived", {"group_id": "cup"}),
        ({"title": ""}, "title is missing", {"group_id": "cup"}),
        ({"handle": ""}, "group_id: expected a handle in each row", {"title": "Cup"}),
        ({"grams": "5 oz"}, "attributes.grams: expected a number", {"price": 5.0}),
    ],
)
def test_a_wrong_variant_is_refused_with_the_fields_of_a_catalogue(
    tmp_path: Path, fields: dict[str, str], reason: str, row: dict[str, object]
) -> None:
    other = {"handle": "pot", "title": "Pot", "price": "1"}
    path = export(tmp_path / "a.csv", CUP | fields, other)
    with Refused(tmp_path / "refused.jsonl") as refused:
        assert [item.id for item in read(path, refused)] == ["pot"]
    entry = orjson.loads((tmp_path / "refused.jsonl").read_bytes())
    assert (entry["line"], entry["reason"].startswith(reason)) == (2, True), entry
    assert row.items() <= entry["row"].items()
    corrected = entry["row"] | {"id": "cup", "title": "Cup", "price": 5, "in_stock": True}
    again = tmp_path / "again.jsonl"
    again.write_bytes(orjson.dumps(corrected))
    assert [item.id for item in read(again)] == ["cup"]


def test_rows_that_come_back_and_broken_ones(tmp_path: Path) -> None:
    path = export(
        tmp_path / "a.csv",
        CUP,
        {"handle": "pot", "title": "Pot", "price": "1"},
        {"handle": "cup", "option": "M", "price": "5"},
    )
    path.write_text(path.read_text() + "jug,too,few\n" + "jug,,M,,\n")
    refused = Refused()
    assert [item.id for item in read(path, refused)] == ["cup", "pot"]
    lines = {(one.line, one.reason.split(",")[0]) for one in refused.examples}
    assert lines == {(4, "title is missing"), (5, "expected 5 cells"), (6, "title is missing")}


def test_a_handle_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("Handle,Title,Variant Price,Image Src\ncup,Cup,1,\n")
        file.writelines(f"cup,,,{n:0100d}\n" for n in range(30_000))
    tracemalloc.start()
    try:
        refused = Refused()
        assert [item.id for item in read(path, refused)] == ["cup"]
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert refused.reasons == {"title is missing": 3}, "each 10,000 rows are a product of their own"


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("SML"), min_size=1, max_size=3, unique=True),
            st.integers(0, 3),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_variant_is_lost(
    tmp_path_factory: pytest.TempPathFactory, products: list[tuple[list[str], int, bool]]
) -> None:
    """Each variant is one item with its product's title, however many images stand between."""
    rows: list[dict[str, str]] = []
    for n, (sizes, images, with_skus) in enumerate(products):
        start = len(rows)
        for size in sizes:
            rows.append({"handle": f"p{n}", "option": size, "price": "1"})
            if with_skus:
                rows[-1]["sku"] = f"p{n}{size}"
        rows[start] |= {"title": f"Product {n}", "option_name": "Size"}
        rows += [{"handle": f"p{n}", "image": f"i{image}"} for image in range(images)]
    path = export(tmp_path_factory.mktemp("shop") / "a.csv", *rows)
    refused = Refused()
    found = read(path, refused)
    assert len(refused) == 0, refused.examples
    sizes_of = {f"p{n}": sizes for n, (sizes, _, _) in enumerate(products)}
    assert Counter(item.group_id for item in found) == {g: len(s) for g, s in sizes_of.items()}
    for item in found:
        assert item.group_id is not None
        sizes = sizes_of[item.group_id]
        assert item.attributes["size"] in sizes
        assert item.title.startswith(f"Product {item.group_id[1:]}")
        assert item.title.endswith(f" - {item.attributes['size']}") == (len(sizes) > 1)
