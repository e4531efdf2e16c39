"""Counters saved and loaded; what does not fit or is damaged is passed over."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from search_rerank.arrays import read_tensors, write_tensors
from search_rerank.state import snapshot
from search_rerank.state.queries import Row
from search_rerank.state.tally import Tally
from tests.state.plain import GAINS
from tests.state.test_tally import alike

ROWS: list[Row] = [
    ("a", "click", 10, "red shoe", "user-one", "session-one"),
    ("é🛍", "cart", 20, "Red  shoe", "user-two", None),
    ("b", "purchase", 30, "naïve", None, "session-two"),
]
MARKS = {"appended": 3, "corrected": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counters.safetensors"


@pytest.fixture
def tally() -> Tally:
    tally = Tally(GAINS)
    tally.add(ROWS)
    tally.show([(["a", "c"], 40)])
    return tally


def test_a_snapshot_is_what_was_counted(path: Path, tally: Tally) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    loaded = snapshot.load(path, GAINS)
    assert loaded is not None
    alike(loaded[0], tally)
    assert loaded[1] == MARKS
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_taken_stays_while_counting_goes_on(path: Path, tally: Tally) -> None:
    taken = snapshot.take(tally, MARKS)
    tally.add(ROWS)
    snapshot.save(path, taken)
    loaded = snapshot.load(path, GAINS)
    assert loaded is not None
    assert loaded[0].item_counts(["a"], 10).decayed[0, 0] == 1
    assert tally.item_counts(["a"], 10).decayed[0, 0] == 2


def test_an_empty_state_has_a_snapshot(path: Path) -> None:
    snapshot.save(path, snapshot.take(Tally(GAINS), {}))
    loaded = snapshot.load(path, GAINS)
    assert loaded is not None
    loaded[0].add(ROWS)
    assert loaded[0].past_queries("", 9) == [("red shoe", 2)]


def test_no_name_of_a_shopper_is_in_it(path: Path, tally: Tally) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    written = path.read_bytes()
    assert b"red shoe" in written
    for name in (b"user-one", b"user-two", b"session-one", b"session-two"):
        assert name not in written


def test_hashes_of_one_shopper_differ_from_state_to_state(tally: Tally) -> None:
    other = Tally(GAINS)
    other.add(ROWS)
    names = "queries.askers.names"
    assert not np.array_equal(tally.arrays()[names], other.arrays()[names])


def test_none_is_none(path: Path) -> None:
    assert snapshot.load(path, GAINS) is None


def test_one_for_other_gains_is_passed_over(
    path: Path, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    with caplog.at_level(logging.INFO):
        assert snapshot.load(path, {**GAINS, "click": 1.5}) is None
    assert "made for other settings" in caplog.text


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_one_that_was_cut_off_is_passed_over(
    path: Path, tally: Tally, caplog: pytest.LogCaptureFixture, keep: int
) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    path.write_bytes(path.read_bytes()[:keep])
    assert snapshot.load(path, GAINS) is None
    assert "is damaged" in caplog.text


def test_one_with_a_changed_number_is_passed_over(
    path: Path, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    arrays = read_tensors(path)
    arrays["items.taken.value"][0, 0] += 1
    write_tensors(path, arrays)
    assert snapshot.load(path, GAINS) is None
    assert "its digest" in caplog.text


def test_another_file_is_passed_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tensors(path, {"x": np.zeros(3)})
    assert snapshot.load(path, GAINS) is None
    assert "is damaged" in caplog.text


def test_one_that_cannot_be_written_leaves_the_one_before(
    path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot.save(path, snapshot.take(tally, MARKS))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        snapshot.save(path, snapshot.take(tally, {}))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
