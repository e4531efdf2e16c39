"""Synonyms from a file: which texts are searched, what is refused, and when it is read again."""

import logging
from pathlib import Path

import pytest

from search_rerank.engines import synonyms
from search_rerank.engines.synonyms import MAX_VARIANTS, Synonyms
from search_rerank.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "synonyms.txt"


def read(file: Path, text: str) -> Synonyms:
    file.write_text(text, encoding="utf-8")
    return Synonyms(file)


@pytest.mark.parametrize(
    ("lines", "text", "expected"),
    [
        ("tv, television", "TV stand", ["TV stand", "television stand"]),
        ("tv, television", "a Television!", ["a Television!", "a tv!"]),
        ("tv, television", "tvs", ["tvs"]),
        ("# tv, television\n\n", "tv", ["tv"]),
        ("tv, television # both", "tv", ["tv", "television"]),
        ("laptop => notebook computer", "Laptop bag", ["Laptop bag", "notebook computer bag"]),
        ("laptop => notebook computer", "notebook computer", ["notebook computer"]),
        ("a b, c", "x A, b y", ["x A, b y", "x c y"]),
        ("Télé, tv", "tele", ["tele", "tv"]),
        ("tele, Télé", "tele", ["tele"]),
        ("a, b\na => c", "a", ["a", "b", "c"]),
        ("红, red", "大红花", ["大红花", "大red花"]),
        ("red, 红", "usb红 red", ["usb红 red", "usb red red", "usb红 红"]),
        ("\ufefftv, television", "tv", ["tv", "television"]),
    ],
)
def test_variants(file: Path, lines: str, text: str, expected: list[str]) -> None:
    assert read(file, lines).variants(text) == expected


def test_the_words_that_a_synonym_stands_for(file: Path) -> None:
    found = read(file, "smart telly => television\ntube => television")
    assert found.words("a Smart telly, a tube") == {"smart", "telly", "tube"}
    assert found.words("telly") == frozenset()
    assert Synonyms(None).words("tube") == frozenset()
    assert Synonyms(None).variants("tube") == ["tube"]


def test_no_more_than_so_many(file: Path) -> None:
    names = [f"n{n}" for n in range(50)]
    found = read(file, ", ".join(names)).variants("n0")
    assert found == names[:MAX_VARIANTS]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b\na => b => c", r":2: expected phrases.*found 'a => b => c'"),
        ("a, , b", r":1: expected phrases"),
        ("a =>", r":1: expected phrases"),
        ("\n\nalone", r":3: expected 2 to 100 phrases, found 1"),
        (", ".join(f"n{n}" for n in range(101)), r":1: expected 2 to 100 phrases, found 101"),
    ],
)
def test_a_wrong_line_is_named(file: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(file, text)


def test_a_file_that_cannot_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"synonyms\.txt: cannot be read \(No such file"):
        Synonyms(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        Synonyms(file)
    monkeypatch.setattr(synonyms, "_MAX_BYTES", 10)
    with pytest.raises(ConfigError, match="expected at most 10 bytes, found 14"):
        read(file, "tv, television")


def test_a_change_counts_at_once_and_a_mistake_is_told_once(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(file, "tv, television")
    times, true = [], synonyms._read

    def counted(path: Path) -> synonyms.Table:
        times.append(path)
        return true(path)

    monkeypatch.setattr(synonyms, "_read", counted)
    caplog.set_level(logging.ERROR)
    file.write_text("x => y => z")
    assert [found.variants("tv") for _ in range(3)] == [["tv", "television"]] * 3
    assert len(times) == len(caplog.records) == 1
    assert "the synonyms read before stay" in caplog.text
    file.unlink()
    assert [found.variants("tv") for _ in range(3)] == [["tv", "television"]] * 3
    assert len(caplog.records) == 2
    file.write_text("tv, screen")
    assert [found.variants("tv") for _ in range(3)] == [["tv", "screen"]] * 3
    assert len(times) == 2
