"""Google Merchant feeds: what each attribute becomes, and what is refused."""

import gzip
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.data.item import Item
from search_rerank.data.lines import Problem
from search_rerank.data.merchant import merchant_name, merchant_row
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError

G = 'xmlns:g="http://base.google.com/ns/1.0"'


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, refused: Refused | None = None) -> list[Item]:
    return list(read_items(path, Refused() if refused is None else refused))


def rss(*entries: str) -> str:
    inside = "".join(f"<item>{entry}</item>\n" for entry in entries)
    return (
        f'<?xml version="1.0"?>\n<rss version="2.0" {G}>\n<channel>\n{inside}</channel>\n</rss>\n'
    )


def tags(**fields: str) -> str:
    return "".join(f"<g:{name}>{escape(value)}</g:{name}>" for name, value in fields.items())


def row(**fields: str) -> object:
    return merchant_row({"id": ["1"], "title": ["t"]} | {n: [v] for n, v in fields.items()}, print)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("image_link", "image_link"),
        ("Image Link", "image_link"),
        ("image link [image_link]", "image_link"),
        ("ID [id]", "id"),
        ("g:price", "price"),
        ("shipping(country:price)", "shipping"),
        (" Item  Group-ID ", "item_group_id"),
    ],
)
def test_names_are_written_in_many_ways(text: str, name: str) -> None:
    assert merchant_name(text) == name


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"price": "15.00 USD"}, {"price": 15.0, "currency": "USD"}),
        ({"price": "usd 15"}, {"price": 15.0, "currency": "USD"}),
        ({"price": "1,299.50 EUR"}, {"price": 1299.5, "currency": "EUR"}),
        ({"price": "15"}, {"price": 15.0}),
        (
            {"price": "15 USD", "sale_price": "12 USD"},
            {"price": 12.0, "currency": "USD", "attributes": {"regular_price": 15.0}},
        ),
        (
            {"price": "15 USD", "sale_price": "12 USD", "sale_price_effective_date": "a/b"},
            {
                "price": 15.0,
                "currency": "USD",
                "attributes": {"sale_price": 12.0, "sale_price_effective_date": "a/b"},
            },
        ),
        ({"sale_price": "12 USD"}, {"price": 12.0, "currency": "USD"}),
        (
            {"availability": "in stock"},
            {"in_stock": True, "attributes": {"availability": "in_stock"}},
        ),
        (
            {"availability": "Preorder"},
            {"in_stock": False, "attributes": {"availability": "preorder"}},
        ),
        ({"product_type": "A > B&amp;C"}, {"category": ["A", "B&C"]}),
        ({"google_product_category": "A > B"}, {"category": ["A", "B"]}),
        (
            {"google_product_category": "166"},
            {"attributes": {"google_product_category": "166"}},
        ),
        (
            {"google_product_category": "A", "product_type": "B"},
            {"category": ["B"], "attributes": {"google_product_category": "A"}},
        ),
        ({"gtin": "007", "mpn": "x"}, {"attributes": {"gtin": "007", "mpn": "x"}}),
        ({"description": "a < b"}, {"description": "a < b"}),
        ({"description": "<p>a</p><p>b</p><script>c</script>"}, {"description": "a b"}),
        ({"description": "<![CDATA[<i>a</i>]]> &amp; <![odd"}, {"description": "a & odd"}),
    ],
)
def test_what_an_attribute_becomes(fields: dict[str, str], expected: dict[str, object]) -> None:
    assert row(**fields) == {"id": "1", "title": "t"} | expected


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        (
            {"price": "15,00 EUR"},
            r"price: price: expected .*15\.00 USD, found '15,00 EUR'",
            "price",
        ),
        ({"price": "15 EURO"}, "price: price: expected .* found '15 EURO'", "price"),
        ({"price": "USD 15 USD"}, "price: price: expected", "price"),
        ({"price": "-1 USD"}, "price: price: expected", "price"),
        ({"price": "1 USD", "sale_price": "free"}, "price: sale_price: expected", "price"),
        (
            {"price": "2 USD", "sale_price": "1 EUR"},
            "in the currency of price, USD, found",
            "price",
        ),
        ({"availability": "soon"}, "in_stock: expected availability .*, found 'soon'", "in_stock"),
    ],
)
def test_what_is_wrong_is_refused_and_stays_wrong_until_corrected(
    tmp_path: Path, fields: dict[str, str], reason: str, field: str
) -> None:
    refused = Refused(tmp_path / "refused.jsonl")
    with refused:
        path = write(tmp_path / "a.xml", rss(tags(id="1", title="t", **fields)))
        assert read(path, refused) == []
    with pytest.raises(DataError, match=reason):
        raise DataError(refused.examples[0].reason)
    written = orjson.loads((tmp_path / "refused.jsonl").read_bytes())["row"]
    again = tmp_path / "again.jsonl"
    second = Refused()
    assert read(write(again, orjson.dumps(written)), second) == []
    assert second.examples[0].reason.startswith(f"{field}: ")
    corrected = written | {"price": 1.0, "in_stock": False}
    assert [item.id for item in read(write(again, orjson.dumps(corrected)))] == ["1"]


def test_what_shoppers_must_not_see_and_what_is_too_long_is_left_out() -> None:
    notes: list[str] = []
    fields = {"id": ["1"], "cost_of_goods_sold": ["1 USD"], "note": ["x" * 501, "y"]}
    assert merchant_row(fields, notes.append) == {"id": "1", "attributes": {"note": "y"}}
    assert notes == [
        "cost_of_goods_sold left out: it is not for shoppers",
        "attribute values over 500 characters left out",
    ]


TSV = "id\ttitle\tlink\tproduct highlight\tproduct_type\tadditional image link\n"


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".tsv.gz"])
def test_a_table_with_and_without_quotes(tmp_path: Path, suffix: str) -> None:
    text = (
        TSV
        + '1\t6" pipe\tu\t"""a, b"",c"\t"""X > Y, Z"",V"\tp,q\r\n'
        + '2\t"Best" pipe\tu\t\tX > Y, Z\tp\n'
        + '3\t"two\nlines"\tu\t\t\t\n'
        + '4\t"open\tu\t\t\t\n'
        + "5\tlast\tu\t\t\t\n"
    )
    data = gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode()
    refused = Refused()
    found = read(write(tmp_path / f"a{suffix}", data), refused)
    assert len(refused) == 0, refused.examples
    titles = [item.title for item in found]
    assert titles == ['6" pipe', '"Best" pipe', "two\nlines", '"open', "last"]
    assert found[0].attributes["product_highlight"] == ["a, b", "c"]
    assert found[0].attributes["additional_image_link"] == ["p", "q"]
    assert found[0].category == ["X", "Y, Z"]
    assert found[1].category == ["X", "Y, Z"]


def test_wrong_rows_of_a_table_are_refused_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.tsv",
        "ID\tTitle\tLink\tAvailability\n1\tA\tu\tin stock\n\tB\tu\tin stock\n2\tC\n"
        "1\tD\tu\tin stock\n3\tE\tu\tmaybe\n4\tF\tu\tout of stock\n",
    )
    refused = Refused()
    assert [item.id for item in read(path, refused)] == ["1", "4"]
    assert [(one.line, one.reason.split(",")[0]) for one in refused.examples] == [
        (3, "id is missing"),
        (4, "expected 4 cells"),
        (5, "id: expected each once"),
        (6, "in_stock: expected availability in_stock"),
    ]
    assert refused.cut_off is None


@pytest.mark.parametrize(
    ("name", "header", "field"),
    [
        ("a.csv", "id,title,link", "url"),
        ("a.csv", "id,title,url", "url"),
        ("a.tsv", "id\ttitle\turl", "url"),
        ("a.tsv", "id\ttitle\timage_url", "image_url"),
        ("a.csv", "ID,Title,image link", "image_url"),
    ],
)
def test_the_header_tells_what_a_table_is(
    tmp_path: Path, name: str, header: str, field: str
) -> None:
    cells = "1\tt\tu" if "\t" in header else "1,t,u"
    (item,) = read(write(tmp_path / name, f"{header}\n{cells}\n"))
    assert item == Item.model_validate({"id": "1", "title": "t", field: "u"})


def test_a_table_of_ours_is_not_taken_for_a_feed(tmp_path: Path) -> None:
    refused = Refused()
    path = write(tmp_path / "a.csv", "id,title,link,in_stock,attributes.size\n1,t,u,true,5\n")
    assert read(path, refused) == []
    assert refused.examples[0].reason.startswith("unknown field 'link'")


def test_an_entry_is_told_by_the_line_it_starts_in(tmp_path: Path) -> None:
    first, second = tags(id="1", title="A") + "\n\n", "\n" + tags(id="2")
    refused = Refused()
    assert len(read(write(tmp_path / "a.xml", rss(first, second)), refused)) == 1
    # The head has three lines, the first entry begins in the fourth and holds two line ends.
    assert [one.line for one in refused.examples] == [4 + 2 + 1]


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.tsv", "id,title\n1,t\n", "expected tabs between columns, found 'id,title'"),
        ("a.csv", "id\ttitle\n1\tt\n", "expected commas between columns"),
        ("a.xml", "", "found an empty file"),
        ("a.xml", "id,title\n", "expected a Google Merchant feed in XML: .*syntax error in line 1"),
        ("a.xml", "<urlset><url/></urlset>", "found XML that begins with <urlset>"),
        ("a.xml", f"<rss {G}><channel/></rss>", "expected rows, found none"),
        ("a.json", '[{"id":"1"}]\n', r"expected JSON lines .* found an array: .* jq -c '\.\[\]'"),
        (
            "a.json",
            '[\n  {"id":"1"}\n]\n',
            r"found an array: convert it with jq -c '\.\[\]' .*a\.json",
        ),
        ("a.json", '{\n  "id":"1"\n}\n', r"found one over several lines: .* jq -c '\.' "),
        ("a b.json", "[" + "1," * 600_000 + "1]", r"found an array: .* jq .*'.*a b\.json' >"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, name: str, text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read(write(tmp_path / name, text))


def test_atom_and_elements_without_the_namespace(tmp_path: Path) -> None:
    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<feed xmlns="http://www.w3.org/2005/Atom" {G} xmlns:c="http://base.google.com/cns/1.0">
<title>Shop</title><link rel="self" href="https://shop.example"/>
<entry><id>tag:1</id><g:id>1</g:id><title>Café</title><summary>S</summary>
<link rel="edit" href="e"/><link href="u"/><c:Season type="string">Summer</c:Season>
<g:product_highlight>a</g:product_highlight><g:product_highlight>b</g:product_highlight>
<g:tax/></entry>
<entry><id>2</id><title>T<!-- x -->wo</title><content type="xhtml"><p>C</p> d</content></entry>
</feed>"""
    one, two = read(write(tmp_path / "a.xml", text.encode("latin-1")))
    assert one == Item(
        id="1",
        title="Café",
        description="S",
        url="u",
        attributes={"season": "Summer", "product_highlight": ["a", "b"]},
    )
    assert (two.id, two.title) == ("2", "Two")
    assert two.description in ("d C", "C d")


ENTRY = tags(id="1", title="A") + "\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xml", rss(ENTRY, tags(id="2", title="B")).removesuffix("</rss>\n").encode()),
        ("a.xml", rss(ENTRY, tags(id="2", title="B"))[:-60].encode()),
        ("a.xml", rss(ENTRY, "<g:id>2</g:title>").encode()),
        ("a.xml", rss(ENTRY, "<g:id>Tom & Jerry</g:id>").encode()),
        ("a.xml.gz", gzip.compress(rss(ENTRY, tags(id="2", title="B")).encode())[:-4]),
    ],
)
def test_a_feed_that_ends_early_is_known(tmp_path: Path, name: str, data: bytes) -> None:
    refused = Refused()
    found = read(write(tmp_path / name, data), refused)
    assert found[0].id == "1"
    assert refused.cut_off == name
    assert refused.examples[0].line >= 4


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    path = write(tmp_path / "a.xml", f"{bomb}<rss><channel/></rss>")
    with pytest.raises(DataError, match="declares no entities"):
        read(path)


def test_an_entry_without_end_takes_no_memory(tmp_path: Path) -> None:
    def parts() -> Iterable[bytes]:
        yield rss(ENTRY).encode().removesuffix(b"</channel>\n</rss>\n")
        yield b"<item><g:id>2</g:id><title>"
        yield from (b"x" * (1 << 20) for _ in range(64))
        yield b"</title></item>"
        many = b"".join(
            b"<item>%s</item>" % tags(id=str(n), title="t" * 900).encode()
            for n in range(1000, 2000)
        )
        yield many
        yield b"</channel></rss>"

    path = write(tmp_path / "a.xml.gz", gzip.compress(b"".join(parts()), 1))
    refused = Refused()
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_items(path, refused)) == 1 + 1000
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    assert "expected at most 1,048,576 characters in an entry" in refused.examples[0].reason


WORDS = st.text("abc é\U0001f600&<>,;\"'|", min_size=1, max_size=12).map(
    lambda text: " ".join(f"x{text}".split())
)
CODES = st.text("0123456789", min_size=1, max_size=14)
PRODUCTS = st.lists(
    st.fixed_dictionaries(
        {"title": WORDS, "link": st.just("u")},
        optional={"brand": WORDS, "gtin": CODES, "price": st.integers(0, 10**6), "size": WORDS},
    ),
    min_size=1,
    max_size=5,
)


@given(PRODUCTS)
def test_table_and_xml_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, products: list[dict[str, object]]
) -> None:
    """What is written in either form comes back as the item it is of."""
    folder = tmp_path_factory.mktemp("feed")
    names = ["id", "title", "link", "brand", "gtin", "price", "size"]
    filled = [
        {"id": str(n)}
        | product
        | ({"price": f"{product['price']} EUR"} if "price" in product else {})
        for n, product in enumerate(products)
    ]
    quoted = (
        "\t".join('"' + str(one.get(name, "")).replace('"', '""') + '"' for name in names)
        for one in filled
    )
    table = read(write(folder / "a.tsv", "\n".join(["\t".join(names), *quoted, ""])))
    entries = (tags(**{name: str(value) for name, value in one.items()}) for one in filled)
    assert read(write(folder / "a.xml", rss(*entries))) == table
    for item, product in zip(table, products, strict=True):
        assert item.title == product["title"]
        assert item.price == product.get("price")
        assert item.attributes.get("gtin") == product.get("gtin")
        assert item.attributes.get("size") == product.get("size")
        assert item.brand == product.get("brand")


@given(st.text("<>!&;[]/-ap \"'='", max_size=40))
def test_no_description_stops_the_reader(text: str) -> None:
    found = merchant_row({"id": ["1"], "description": [text]}, print)
    assert not isinstance(found, Problem)
    assert "description" in found
