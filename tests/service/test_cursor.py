from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.config import parse_config
from search_rerank.errors import ConfigError
from search_rerank.paging import Place, Trail, marks
from service.cursor import Cursors
from service.cursor_form import Cursor
from service.cursor_key import SECRET, cursor_key
from service.problems import Problem

PLACES = tuple(
    Place(f"p{n:05}", n, n % 7 == 0, "a" if n % 3 else None, ("pin",) * (n % 2), n or None)
    for n in range(190)
)
SEEN = frozenset(mark for n in range(10) for mark in marks(f"q{n}", f"g{n}"))
CURSOR = Cursor(
    kind="search",
    asked={"query": "shoes", "filters": {"terms": {"brand": ["é", "\n"]}}},
    who=("aa", None),
    size=10,
    told={"total": 300, "total_exact": True, "history": 0, "relaxed": []},
    ranking="abc",
    trail=Trail(10, PLACES, SEEN, True),
    until_ms=1_000,
)


@pytest.fixture(scope="module")
def cursors(tmp_path_factory: pytest.TempPathFactory) -> Cursors:
    return over(tmp_path_factory.mktemp("cursors"))


def over(home: Path, **pages: int) -> Cursors:
    return Cursors(parse_config({"home": str(home), "pages": pages}))


def sealed(cursors: Cursors, cursor: Cursor) -> str:
    text = cursors.seal(cursor)
    assert text is not None
    return text


def test_what_is_sealed_is_read_back(cursors: Cursors) -> None:
    assert cursors.open(sealed(cursors, CURSOR), "search", 0) == CURSOR


@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=30),
    explored=st.booleans(),
)
def test_any_ids_are_read_back(cursors: Cursors, names: list[str], explored: bool) -> None:
    places = tuple(Place(name, n, explored) for n, name in enumerate(names))
    seen = frozenset(mark for name in names for mark in marks(name))
    cursor = replace(CURSOR, trail=Trail(3, places, seen, False))
    assert cursors.open(sealed(cursors, cursor), "search", 0) == cursor


def test_the_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: cursor_key(home), range(32)))
    assert len(found) == 1
    (path,) = home.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert found == {path.read_bytes()}
    assert len(path.read_bytes()) == 32


def test_another_key_reads_nothing(cursors: Cursors, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="as an answer of this service gave it") as caught:
        over(tmp_path).open(sealed(cursors, CURSOR), "search", 0)
    assert caught.value.status == 400


def test_machines_share_a_secret_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "s" * 32)
    text = sealed(over(tmp_path / "one"), CURSOR)
    assert over(tmp_path / "other").open(text, "search", 0) == CURSOR
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("secret", [b"", b"x" * 31])
def test_a_short_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: bytes
) -> None:
    (tmp_path / "cursor.key").write_bytes(secret)
    with pytest.raises(ConfigError, match="at least 32 bytes, found"):
        cursor_key(tmp_path)
    if secret:
        monkeypatch.setenv(SECRET, secret.decode())
        with pytest.raises(ConfigError, match=f"{SECRET}: expected a secret"):
            cursor_key(tmp_path)


def test_who_asks_is_hashed_with_the_key(cursors: Cursors, tmp_path: Path) -> None:
    ann = cursors.who("ann", "s")
    assert ann == cursors.who("ann", "s")
    assert ann[0] != cursors.who(None, "ann")[1]
    assert ann[0] != over(tmp_path).who("ann", None)[0]
    assert cursors.who(None, None) == (None, None)


@pytest.mark.parametrize("characters", [1_000, 1_500, 16_000])
def test_the_first_places_are_kept_of_a_window_that_does_not_fit(
    cursors: Cursors, tmp_path: Path, characters: int
) -> None:
    long = tuple(Place(f"{n}{'x' * (n % 9)}{n * 7919**5:x}", n) for n in range(200))
    bounded = over(tmp_path, cursor_bytes=characters)
    text = sealed(bounded, replace(CURSOR, trail=Trail(10, long, SEEN, True)))
    assert len(text) <= characters
    kept = bounded.open(text, "search", 0).trail.waiting
    assert kept == long[: len(kept)]
    assert (len(kept) == 200) is (characters == 16_000)


def test_what_was_shown_is_never_dropped(tmp_path: Path) -> None:
    seen = frozenset(mark for n in range(400) for mark in marks(f"q{n}"))
    assert over(tmp_path, cursor_bytes=1_000).seal(
        replace(CURSOR, trail=Trail(400, PLACES, seen, True))
    ) is None  # fmt: skip


def test_it_is_good_up_to_its_moment(cursors: Cursors) -> None:
    text = sealed(cursors, CURSOR)
    assert cursors.open(text, "search", 1_000) == CURSOR
    with pytest.raises(Problem, match="of the last 60 minutes, found an older") as caught:
        cursors.open(text, "search", 1_001)
    assert caught.value.status == 410
