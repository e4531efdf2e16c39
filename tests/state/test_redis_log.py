from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from search_rerank.errors import StateError
from search_rerank.state.importing import import_events
from search_rerank.state.redis import log as redis_log
from search_rerank.state.redis import server
from search_rerank.state.redis.log import RedisLog
from search_rerank.state.redis.state import RedisState
from search_rerank.state.sqlite import SqliteState, StoredLog
from tests.state.contract import DAY_MS, GAINS, did, page
from tests.state.contract_log import LogContract, Open
from tests.state.redis_server import RedisServer, opened


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def state(redis_server: RedisServer, prefix: str) -> Iterator[RedisState]:
    state = opened(redis_server.url, prefix, retention_days=10, log_days=20)
    yield state
    state.close()


@pytest.fixture
def open_log(redis_server: RedisServer, prefix: str) -> Open:
    return lambda: RedisLog(redis_server.url, prefix)


class TestRedisLog(LogContract):
    pass


def test_a_long_log_is_copied_in_parts(
    state: RedisState, open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READ_AT_ONCE", 3)
    monkeypatch.setattr(redis_log, "_READ_AT_ONCE", 4)
    state.append([did(str(n), time_ms=100 - n) for n in range(10)])
    with open_log() as opened:
        assert [event.id for event in opened.all()] == [str(n) for n in reversed(range(10))]
        assert [event.id for event in opened.appended(2, 8)] == [str(n) for n in range(2, 8)]


def test_what_left_the_log_is_still_counted(state: RedisState, open_log: Open) -> None:
    """An update asks whether the log held what the bundle was learnt from."""
    state.append([did(str(day), time_ms=day * DAY_MS) for day in (1, 2, 25, 40)])
    while state.maintain(40 * DAY_MS).more:
        pass
    with open_log() as opened:
        assert [event.id for event in opened.all()] == ["25", "40"]
        assert opened.count_before(26 * DAY_MS) == 3


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(StateError, match="cannot be reached"):
        RedisLog("redis://127.0.0.1:1/0")


def test_a_file_moves_to_a_server(state: RedisState, open_log: Open, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    told = [did("1", user=None, session="s"), did("2", session="s", query="q", time_ms=2)]
    pages = [page("1", "a", "b", session="s", time_ms=1)]
    with closing(SqliteState(path, GAINS)) as old:
        old.append(told)
        old.show(pages)
    with StoredLog(path) as log:
        done = import_events(state, [*log.all(), *log.pages()], 5, lambda read: None)
    assert (done.read, done.new) == (3, 3)
    assert [event.model_dump() for event in state.export("u")] == [
        event.model_dump() for event in (told[0], pages[0], told[1])
    ]
    with open_log() as log:
        assert [row._asdict() for row in log.all()] == [
            event.model_dump(exclude={"event"}) for event in told
        ]
