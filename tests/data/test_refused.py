from pathlib import Path

import orjson

from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused


def test_counts_examples_and_memory_are_bounded() -> None:
    refused = Refused()
    for n in range(1000):
        refused.add("a.jsonl", n, f"price: wrong, found {n}; title is missing", {})
        refused.add("a.jsonl", n, f"reason {n}", {})
    assert len(refused) == 2000
    assert refused.reasons["price: wrong; title is missing"] == 1000
    assert len(refused.reasons) == 51
    assert refused.reasons["other reasons"] == 1000 - 49
    assert [str(example) for example in refused.examples[:2]] == [
        "a.jsonl:0: price: wrong, found 0; title is missing",
        "a.jsonl:0: reason 0",
    ]
    assert len(refused.examples) == 5


def test_summary() -> None:
    refused = Refused()
    assert refused.summary() == "0 refused"
    refused.add("a", 1, "title is missing", {})
    refused.add("a", 2, "id: repeated, found 'x'", {})
    refused.add("a", 3, "id: repeated, found 'y'", {})
    refused.note("items renamed", 4)
    assert refused.summary() == "3 refused: 2 id: repeated, 1 title is missing; 4 items renamed"


def test_the_file_can_be_corrected_and_loaded_again(tmp_path: Path) -> None:
    source, out, again = (tmp_path / f"{name}.jsonl" for name in ("a", "refused", "again"))
    source.write_bytes(
        b'{"id":"a","title":"A"}\n{"id":"b","titel":"\xc3\x84"}\n{"id":"c"\n{"id":"d"}\n'
    )
    with Refused(out) as refused:
        assert [item.id for item in read_items(source, refused)] == ["a"]
        assert not out.exists(), "it is renamed when it is whole"
    entries = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert [(entry["file"], entry["line"]) for entry in entries] == [
        ("a.jsonl", 2),
        ("a.jsonl", 3),
        ("a.jsonl", 4),
    ]
    assert entries[0]["row"] == {"id": "b", "titel": "Ä"}
    assert entries[1]["row"] == '{"id":"c"'
    rows = [
        orjson.dumps({"id": "b", "title": entries[0]["row"]["titel"]}),
        entries[1]["row"].encode() + b', "title": "C"}',
        orjson.dumps(entries[2]["row"] | {"title": "D"}),
    ]
    again.write_bytes(b"\n".join(rows))
    assert [item.id for item in read_items(again, Refused())] == ["b", "c", "d"]


def test_rows_may_come_from_the_file_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    path.write_bytes(b'{"id":"a"}\n{"id":"b","title":"B"}\n')
    with Refused(path) as refused:
        assert [item.id for item in read_items(path, refused)] == ["b"]
    assert orjson.loads(path.read_bytes())["row"] == {"id": "a"}


def test_nothing_refused_touches_no_file(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    path.write_text("before")
    with Refused(path):
        pass
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
