import gzip
import io
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.data.lines import MAX_LINE_BYTES, Problem, lines, zstd
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused
from search_rerank.data.rows import rows
from search_rerank.errors import DataError

TWO = b'{"id":"a"}\n{"id":"b"}\n'
TWO_ROWS = [(1, {"id": "a"}), (2, {"id": "b"})]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def problem(row: Any) -> Problem:
    assert isinstance(row, Problem), row
    return row


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", TWO),
        ("a.ndjson", TWO.replace(b"\n", b"\r\n")),
        ("a.json", b"\xef\xbb\xbf" + TWO),
        ("a.jsonl.gz", gzip.compress(TWO)),
        ("a.JSONL.ZST", zstd.compress(TWO)),
        ("a.jsonl", gzip.compress(TWO)),
        ("a.jsonl.gz", gzip.compress(TWO[:11]) + gzip.compress(TWO[11:])),
        ("a.jsonl", TWO.rstrip()),
        ("a.csv", b"id\na\nb\n"),
    ],
)
def test_formats_give_the_same_rows(tmp_path: Path, name: str, data: bytes) -> None:
    found = list(rows(write(tmp_path / name, data)))
    assert [row for _, row in found] == [row for _, row in TWO_ROWS]


@pytest.mark.parametrize("data", [TWO, gzip.compress(TWO), zstd.compress(TWO)])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert list(rows(Path("-"))) == TWO_ROWS


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("a.jsonl", b"", "found an empty file"),
        ("a.jsonl.gz", b"", "found an empty file"),
        ("a.jsonl.gz", gzip.compress(b""), "expected rows, found none"),
        ("a.jsonl", b"\n \n", "expected rows, found none"),
        ("a.csv", b"id,title\n", "expected rows, found none"),
        ("a.xlsx", TWO, "expected a name ending in .jsonl.*found 'a.xlsx'"),
        ("a.jsonl.gz", TWO, "expected gzip, as the name says, found something else"),
        ("a.jsonl.zst", gzip.compress(TWO), "expected zstd, as the name says, found gzip"),
        ("a.parquet", TWO, "expected Parquet, found"),
        ("a.parquet.gz", gzip.compress(TWO), "found it compressed once more"),
        ("a.csv", b"id;title\na;b\n", "expected commas"),
        ("a.csv", b"id,id\na,b\n", "expected distinct column names"),
        ("a.csv", b"id,\xff\na,b\n", "expected column names in line 1"),
        ("a.csv", b"x" * (MAX_LINE_BYTES + 1), "expected a header in line 1"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, data: bytes, match: str) -> None:
    with pytest.raises(DataError, match=match):
        list(rows(write(tmp_path / name, data)))


def test_a_missing_file_fails_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.jsonl: cannot be read \(No such file"):
        rows(tmp_path / "no.jsonl")


@pytest.mark.parametrize(
    ("line", "reason", "raw"),
    [
        (b'{"id": ', "not valid JSON, found", '{"id": '),
        (
            b'{"id": "\xff"}',
            "not valid UTF-8, found invalid start byte at byte 9",
            r'{"id": "\xff"}',
        ),
        (b'{"price": NaN}', "NaN and Infinity are no JSON", '{"price": NaN}'),
        (b"[" * 5000, "not valid JSON, found", "[" * 1000),
        (b"[" * 900 + b"]" * 900, "not valid JSON, found nested deeper", "[" * 900 + "]" * 100),
        (b'"' + b"x" * MAX_LINE_BYTES + b'"', "at most 1,048,576 bytes", '"' + "x" * 999),
        (b"y" * (5 * MAX_LINE_BYTES), "at most 1,048,576 bytes", "y" * 1000),
    ],
)
def test_a_broken_line_loses_no_neighbour(
    tmp_path: Path, line: bytes, reason: str, raw: str
) -> None:
    path = write(tmp_path / "a.jsonl", b'{"id":"a"}\n' + line + b"\n\n" + b'{"id":"b"}\n')
    first, (number, broken), last = rows(path)
    assert (first, last) == ((1, {"id": "a"}), (4, {"id": "b"}))
    assert number == 2
    assert reason in problem(broken).reason
    assert problem(broken).raw == raw


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_truncated_file_keeps_what_stands_before(tmp_path: Path, compress: Any) -> None:
    expected = [{"id": n} for n in np.random.default_rng(0).integers(1 << 62, size=50_000).tolist()]
    data = b"".join(orjson.dumps(row) + b"\n" for row in expected)
    suffix = ".gz" if compress is gzip.compress else ".zst"
    packed = compress(data)
    *whole, (number, last) = rows(write(tmp_path / f"a.jsonl{suffix}", packed[: len(packed) // 2]))
    assert "cut off or damaged here" in problem(last).reason
    assert number == len(whole) + 1 > 1_000
    assert whole == list(enumerate(expected[: len(whole)], start=1))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """64 MiB in one line, and 64 MiB in many, each take less than 8 MiB."""
    long = write(tmp_path / "a.jsonl.gz", gzip.compress(b"z" * (64 << 20), 1))
    row = orjson.dumps({"id": "z" * 65_500}) + b"\n"
    many = write(tmp_path / "b.jsonl.gz", gzip.compress(row * 1000, 1))
    tracemalloc.start()
    try:
        assert len(list(rows(long))) == 1
        assert sum(1 for _ in rows(many)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


class Dripping(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self.step = step

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(self.step)


@given(
    st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=9),
    st.integers(1, 7),
)
def test_lines_do_not_depend_on_the_chunks(parts: list[bytes], step: int) -> None:
    found = list(lines(Dripping(b"".join(part + b"\n" for part in parts), step)))
    assert found == list(enumerate(parts, start=1))


CSV = (
    b"\xef\xbb\xbfid,title,price,category,attributes.size,attributes.new,attributes.code\r\n"
    b"007,1984, 2.5,Beauty > Makeup,42,true,007\r\n"
    b'8,"A ""quoted"", two-\nline title",,"[""A"", ""B > C""]",,,\r\n'
    b"9,x,nan,One,-1.5e2,false,[]\r\n"
)


def test_csv_cells(tmp_path: Path) -> None:
    assert list(rows(write(tmp_path / "a.csv", CSV))) == [
        (
            2,
            {
                "id": "007",
                "title": "1984",
                "price": " 2.5",
                "category": ["Beauty", "Makeup"],
                "attributes": {"size": 42.0, "new": True, "code": "007"},
            },
        ),
        (3, {"id": "8", "title": 'A "quoted", two-\nline title', "category": ["A", "B > C"]}),
        (
            5,
            {
                "id": "9",
                "title": "x",
                "price": "nan",
                "category": ["One"],
                "attributes": {"size": -150.0, "new": False, "code": []},
            },
        ),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2,3", "expected 2 cells, found 3"),
        (b"1", "expected 2 cells, found 1"),
        (b'1,"open', "a quote is opened in this line and"),
        (b'1,"a"b', "not valid CSV"),
        (b"1,\xff", "not valid UTF-8"),
        (b"1," + b"x" * MAX_LINE_BYTES, "at most 1,048,576 bytes"),
        (b"1," + b"x" * 200_000, "not valid CSV, found field larger"),
    ],
)
@pytest.mark.parametrize("after", [b"", b'c,"C"\n', b'c,"C\nC"\n'])
def test_a_broken_csv_line_loses_no_neighbour(
    tmp_path: Path, line: bytes, reason: str, after: bytes
) -> None:
    path = write(tmp_path / "a.csv", b"id,title\na,A\n" + line + b"\nb,B\n" + after)
    first, (number, broken), second, *rest = rows(path)
    assert first == (2, {"id": "a", "title": "A"})
    assert second == (4, {"id": "b", "title": "B"})
    assert number == 3
    assert reason in problem(broken).reason
    assert [row["id"] for _, row in rest] == (["c"] if after else [])


def parquet(path: Path, select: str) -> Path:
    """Write a query as Parquet; the name goes through a plain one, DuckDB's COPY takes no marks."""
    plain = path.with_name("plain.parquet")
    duckdb.sql(f"COPY ({select}) TO '{plain}' (FORMAT parquet)")
    plain.rename(path)
    return path


@pytest.mark.parametrize("name", ["a.parquet", "it's [x] *;--.parquet"])
def test_parquet(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "brand=x"
    folder.mkdir()
    path = parquet(
        folder / name,
        "SELECT 'a' AS id, 'A > B' AS category, 1.50::DECIMAL(9,2) AS price, "
        "TIMESTAMP '2024-05-01 12:00:00' AS updated_at, {'size': 42, 'none': NULL} AS attributes, "
        "7 AS \"attributes.weight\", ['p', 'q'] AS items UNION ALL "
        "SELECT 'b', NULL, NULL, NULL, NULL, NULL, NULL",
    )
    assert list(rows(path)) == [
        (
            1,
            {
                "id": "a",
                "category": ["A", "B"],
                "price": 1.5,
                "updated_at": "2024-05-01T12:00:00",
                "attributes": {"size": 42, "weight": 7},
                "items": ["p", "q"],
            },
        ),
        (2, {"id": "b"}),
    ]


def test_parquet_reads_batches_in_order(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "SELECT range AS id FROM range(2500)")
    assert list(rows(path)) == [(n + 1, {"id": n}) for n in range(2500)]


WHOLE = b'{"id":"a","title":"A"}\n{"id":"b","title":"B"}\n'
TABLE = b"id,title\na,A\nb,B\n"
LINES = WHOLE + b"".join(b'{"id":"%d","title":"%d"}\n' % (n, n * n) for n in range(50_000))
LONG = TABLE + b"".join(b"%d,thing %d\n" % (n, n * n) for n in range(50_000))


@pytest.mark.parametrize(
    ("name", "data", "cut_off"),
    [
        ("a.jsonl", WHOLE, False),
        ("a.jsonl", WHOLE.rstrip(), False),
        ("a.jsonl", WHOLE + b'{"id":\n', False),
        ("a.jsonl", b'{"id":\n' + WHOLE, False),
        ("a.jsonl", WHOLE + WHOLE[:-5], True),
        ("a.jsonl.gz", gzip.compress(WHOLE), False),
        ("a.jsonl.gz", gzip.compress(WHOLE)[:-4], True),
        ("a.jsonl.zst", zstd.compress(LINES)[:-9], True),
        ("a.csv", TABLE, False),
        ("a.csv", TABLE.rstrip(), False),
        ("a.csv", TABLE + b"c\n", False),
        ("a.csv", TABLE + b"c", True),
        ("a.csv", TABLE + b'c,"C\n', True),
        ("a.csv", TABLE + b'c,"C\nmore of it\n\n', True),
        ("a.csv", TABLE + b'c,"C\nd,D\n', False),
        ("a.csv", TABLE + b'c,"C\nd,D\ne,"E\n', True),
        ("a.csv.gz", gzip.compress(LONG)[:100_000], True),
    ],
)
def test_a_file_that_ends_early_is_known_by_name(
    tmp_path: Path, name: str, data: bytes, cut_off: bool
) -> None:
    refused = Refused()
    first, second, *_ = read_items(write(tmp_path / name, data), refused)
    assert (first.id, second.id) == ("a", "b"), "what stands before the cut is read"
    assert refused.cut_off == (name if cut_off else None)


def test_a_damaged_parquet_is_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql("SELECT i::VARCHAR AS id, md5(id) AS title FROM range(400000) t(i)").write_parquet(
        str(path), row_group_size=20_000
    )
    data = bytearray(path.read_bytes())
    end = len(data) * 9 // 10
    data[end : end + 20_000] = bytes(20_000)
    path.write_bytes(data)
    refused = Refused()
    assert sum(1 for _ in read_items(path, refused)) > 1_000
    assert refused.cut_off == "a.parquet"


def test_the_first_damaged_file_is_remembered(tmp_path: Path) -> None:
    refused = Refused()
    for name in ("a.jsonl", "b.jsonl"):
        list(read_items(write(tmp_path / name, WHOLE[:-5]), refused))
    assert refused.cut_off == "a.jsonl"


def test_messages_name_the_source_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "kept.jsonl", b'{"id":"a"}\n')
    refused = Refused()
    assert list(read_items(path, refused, name="standard input")) == []
    assert str(refused.examples[0]) == "standard input:1: title is missing"
    with pytest.raises(DataError, match="^standard input: expected rows, found an empty file"):
        rows(write(tmp_path / "kept.jsonl", b""), name="standard input")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    with pytest.raises(DataError, match="^standard input: expected rows, found none"):
        list(rows(Path("-")))
