"""A user's requests leave the feature log, whoever writes to it, and nobody else's do."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from search_rerank.query import Query
from search_rerank.skew.forgetting import forget_requests, logged_requests
from search_rerank.skew.log import read_log
from tests.skew.test_log import log_under, served


def of(id_: str, user: str | None, session: str | None = None) -> object:
    query = Query("wool hat", user, session, k=3, now_ms=1_700_000_000_000)
    return replace(served(id_), query=query)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = log_under(tmp_path, size=1500)
    for id_, user, session in [
        ("a1", "ann", None),
        ("b1", "bob", "s1"),
        ("a2", "ann", "s2"),
        ("v1", None, "s2"),
        ("v2", None, "s3"),
        ("b2", "bob", "s2"),
        ("n1", "anna", None),
    ]:
        log.write(of(id_, user, session))  # type: ignore[arg-type]
    return tmp_path


def ids(folder: Path) -> list[str]:
    return [one.id for one in read_log(folder)]


def test_a_user_s_requests_are_told(folder: Path) -> None:
    assert [row["id"] for row in logged_requests(folder, "ann")] == ["a1", "a2"]
    assert [row["id"] for row in logged_requests(folder, "ann", ["s2"])] == ["a1", "a2", "v1"]
    assert list(logged_requests(folder, "nobody")) == []
    assert list(logged_requests(folder / "nowhere", "ann")) == []


def test_they_go_and_those_of_others_stay(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    removed = forget_requests(folder, "ann", ["s2"])
    assert removed.requests == 3
    assert ids(folder) == ["b1", "v2", "b2", "n1"]
    assert b'"ann"' not in b"".join(path.read_bytes() for path in folder.iterdir())
    changed = [path for path, data in before.items() if path.read_bytes() != data]
    assert removed.segments == len(changed) < len(before)
    assert sorted(folder.iterdir()) == sorted(before)  # nothing is left beside
    assert forget_requests(folder, "ann", ["s2"]) == (0, 0)


def test_half_a_line_goes_too(folder: Path) -> None:
    last = max(folder.iterdir())
    with last.open("ab") as file:
        file.write(of("a3", "ann").line()[:200])  # type: ignore[attr-defined]
    assert b'"ann"' in last.read_bytes()
    assert forget_requests(folder, "ann").requests == 2
    assert b'"ann"' not in last.read_bytes()


def test_a_service_writes_on_after_its_segment_was_written_anew(tmp_path: Path) -> None:
    log = log_under(tmp_path)
    for id_, user in [("a1", "ann"), ("b1", "bob")]:
        log.write(of(id_, user))  # type: ignore[arg-type]
    forget_requests(tmp_path, "ann")
    log.write(of("b2", "bob"))  # type: ignore[arg-type]
    assert ids(tmp_path) == ["b1", "b2"]


def test_a_service_does_not_wait_for_a_segment_that_is_being_written_anew(tmp_path: Path) -> None:
    log = log_under(tmp_path)
    log.write(served("a"))
    (segment,) = tmp_path.iterdir()
    with segment.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        log.write(served("b"))
    assert ids(tmp_path) == ["a", "b"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_line_is_not_lost_in_a_segment_that_was_written_anew_as_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_under(tmp_path)
    for id_, user in [("a1", "ann"), ("b1", "bob")]:
        log.write(of(id_, user))  # type: ignore[arg-type]
    flock = fcntl.flock
    anew: list[int] = []

    def first_anew(file: int, how: int) -> None:
        if not anew:
            anew.append(file)
            forget_requests(tmp_path, "ann")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", first_anew)
    log.write(of("b2", "bob"))  # type: ignore[arg-type]
    assert anew and ids(tmp_path) == ["b1", "b2"]


_WRITER = """
import sys
from pathlib import Path
from tests.skew.test_forgetting import of
from tests.skew.test_log import log_under
log = log_under(Path(sys.argv[1]), segments=1000)
for n in range(400):
    log.write(of(f"{sys.argv[2]}-{n}", sys.argv[2]))
"""


@pytest.mark.slow
def test_no_line_of_others_is_lost_while_they_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    started = [subprocess.Popen([*command, who]) for who in ("ann", "bob")]
    while any(one.poll() is None for one in started):
        forget_requests(tmp_path, "ann")
        time.sleep(0.02)
    assert [one.returncode for one in started] == [0, 0]
    forget_requests(tmp_path, "ann")
    assert sorted(ids(tmp_path)) == sorted(f"bob-{n}" for n in range(400))
