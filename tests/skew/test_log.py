"""What is written comes back as it was; segments stay few and small, and never cost an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_rerank.errors import DataError
from search_rerank.query import Candidates, Query
from search_rerank.skew.log import FeatureLog, read_log
from search_rerank.skew.record import Served, heading

pytestmark = pytest.mark.slow

NAMES = ("query.words", "item.price")


def served(id_: str = "r1", n: int = 3, X: np.ndarray | None = None, **more: object) -> Served:
    column = np.arange(n, dtype=np.float32)
    X = np.column_stack([column, np.full(n, np.nan)]).astype(np.float32) if X is None else X
    query = Query("wool hat", "ann", None, k=n, now_ms=1_700_000_000_000)
    found = Candidates([f"p{i}" for i in range(n)], column, column * np.nan, -column, total=n)
    order = np.arange(n, dtype=np.int32)[::-1].copy()
    one = Served(id_, "b1", query, 7, True, None, (), found, NAMES, X, order, 2)
    return replace(one, **more)  # type: ignore[arg-type]


def equal(one: Served, other: Served) -> None:
    for name in (
        "id",
        "bundle",
        "query",
        "mark",
        "personalise",
        "item",
        "failed",
        "names",
        "shown",
    ):
        assert getattr(one, name) == getattr(other, name), name
    assert list(one.candidates.ids) == list(other.candidates.ids)
    for name in ("lexical", "vector", "score"):
        np.testing.assert_array_equal(
            getattr(one.candidates, name), getattr(other.candidates, name)
        )
    np.testing.assert_array_equal(one.X, other.X)
    np.testing.assert_array_equal(one.order, other.order)


def log_under(folder: Path, share: float = 1.0, size: int = 10**6, segments: int = 4) -> FeatureLog:
    return FeatureLog(folder, share, size, segments)


ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(deadline=None)
@given(X=arrays(np.float32, (5, 2), elements=ANY))
def test_every_value_comes_back_as_it_was(X: np.ndarray) -> None:
    one = served(n=5, X=X, failed=("als",), item="p9", personalise=False)
    equal(Served.of_row(orjson.loads(one.line()), NAMES), one)


def test_a_request_without_candidates(tmp_path: Path) -> None:
    one = served(n=0)
    log_under(tmp_path).write(one)
    (found,) = read_log(tmp_path)
    equal(found, one)


def test_names_stand_once_for_each_bundle_and_segment(tmp_path: Path) -> None:
    log = log_under(tmp_path)
    rows = [served("a"), served("b"), served("c", bundle="b2"), served("d")]
    wider = served("e", X=np.zeros((3, 3), dtype=np.float32), names=(*NAMES, "item.rating"))
    for one in [*rows, wider]:
        log.write(one)
    (segment,) = tmp_path.iterdir()
    told = [orjson.loads(line) for line in segment.read_bytes().splitlines()]
    assert [row.get("id", len(row.get("names", ()))) for row in told] == [
        *(2, "a", "b"), *(2, "c", "d"), *(3, "e")
    ]  # fmt: skip
    for one, expected in zip(read_log(tmp_path), [*rows, wider], strict=True):
        equal(one, expected)


def test_a_full_segment_is_followed_and_the_oldest_go(tmp_path: Path) -> None:
    size = len(heading("b1", NAMES)) + 3 * len(served("r000").line())
    log = log_under(tmp_path, size=size, segments=2)
    for n in range(10):
        log.write(served(f"r{n:03d}"))
        assert len(list(tmp_path.iterdir())) <= 2
    assert all(path.stat().st_size <= size for path in tmp_path.iterdir())
    assert [one.id for one in read_log(tmp_path)] == ["r006", "r007", "r008", "r009"]


def test_a_request_larger_than_a_segment_is_written_all_the_same(tmp_path: Path) -> None:
    log = log_under(tmp_path, size=10)
    log.write(served("a"))
    log.write(served("b"))
    assert [one.id for one in read_log(tmp_path)] == ["a", "b"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_segment_that_another_process_removed_is_followed(tmp_path: Path) -> None:
    log = log_under(tmp_path)
    log.write(served("a"))
    next(tmp_path.iterdir()).unlink()
    log.write(served("b"))
    assert [one.id for one in read_log(tmp_path)] == ["b"]


def test_processes_write_to_segments_of_their_own(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.skew.test_log import log_under, served\n"
        "log = log_under(Path(sys.argv[1]))\n"
        "for n in range(50): log.write(served(f'{sys.argv[2]}-{n}'))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), who]) for who in ("x", "y")
    ]
    assert [one.wait() for one in started] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 2
    ids = {one.id for one in read_log(tmp_path)}
    assert ids == {f"{who}-{n}" for who in ("x", "y") for n in range(50)}


def test_a_forked_process_leaves_its_parent_s_segment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_under(tmp_path)
    log.write(served("a"))
    monkeypatch.setattr(os, "getpid", lambda: 0)
    log.write(served("b"))
    assert len(list(tmp_path.iterdir())) == 2


def test_threads_share_one_segment(tmp_path: Path) -> None:
    log = log_under(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.write(served(f"r{n}")), range(200)))
    assert {one.id for one in read_log(tmp_path)} == {f"r{n}" for n in range(200)}
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_written_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    log_under(tmp_path / "file" / "log").write(served())
    assert "cannot be written" in caplog.text


def test_half_a_line_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = log_under(tmp_path)
    log.write(served("a"))
    (segment,) = tmp_path.iterdir()
    with segment.open("ab") as file:
        file.write(served("b").line()[:100])
    assert [one.id for one in read_log(tmp_path)] == ["a"]
    assert f"{segment} line 3 is left out" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"features": "!"},
        {"features": "AAAA"},
        {"candidates": ["p1"]},
        {"bundle": "unheard of"},
        {"mark": None},
        {"now_ms": "today"},
        {"query": None},
    ],
)
def test_a_damaged_line_is_left_out(
    tmp_path: Path, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    row = orjson.loads(served("a").line()) | change
    lines = [heading("b1", NAMES), orjson.dumps(row) + b"\n", served("b").line()]
    (tmp_path / "0-0-0.jsonl").write_bytes(b"".join(lines))
    assert [one.id for one in read_log(tmp_path)] == ["b"]
    assert "line 2 is left out" in caplog.text


def test_a_folder_without_segments_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found none; set service\.feature_log_share"):
        list(read_log(tmp_path / "nowhere"))


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_share_is_kept_and_an_id_is_always_decided_alike(tmp_path: Path, share: float) -> None:
    one, other = log_under(tmp_path, share), log_under(tmp_path / "other", share)
    ids = [f"request-{n}" for n in range(5000)]
    wanted = [one.wants(id_) for id_ in ids]
    assert wanted == [other.wants(id_) for id_ in ids]
    assert np.mean(wanted) == pytest.approx(share, abs=0.015)
    if share in (0.0, 1.0):
        assert set(wanted) == {bool(share)}
