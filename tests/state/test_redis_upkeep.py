"""What leaves the histories and the log of a Redis state, and how its counters follow."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from search_rerank.state.redis import following, upkeep
from search_rerank.state.redis.state import RedisState
from tests.state.contract import DAY_MS, did, page
from tests.state.redis_server import RedisServer, opened, raw

NOW = 1000 * DAY_MS


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    with raw(redis_server) as client:
        yield client


def at(server: RedisServer, prefix: str, **options: Any) -> closing[RedisState]:
    return closing(opened(server.url, prefix, **options))


def maintained(state: RedisState, now_ms: int = NOW) -> int:
    expired = 0
    while True:
        done = state.maintain(now_ms)
        expired += done.expired
        if not done.more:
            return expired


def taken(state: RedisState) -> float:
    return float(state.item_counts(["a"], 0).decayed[0, 0])


def test_rows_leave_the_histories_after_their_days(redis_server: RedisServer, prefix: str) -> None:
    with at(redis_server, prefix, retention_days=10) as state:
        state.append([did("old", "old", NOW - 11 * DAY_MS), did("new", "new", NOW - DAY_MS)])
        assert maintained(state) == 1
        assert [past.item for past in state.history("u", None, 9)] == ["new"]
        assert state.append([did("late", time_ms=NOW - 11 * DAY_MS)]) == 0
        assert [event.id for event in state.export("u")] == ["old", "new"]


def test_a_walk_over_many_histories_goes_on_where_it_stopped(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_WORK_S", 0.0)
    monkeypatch.setattr(upkeep, "_KEYS_AT_ONCE", 20)
    few = redis_server.url.removesuffix("0") + "1"  # without the keys of other tests
    with closing(opened(few, retention_days=10)) as state:
        state.append([did(str(n), user=f"u{n}", time_ms=NOW - 20 * DAY_MS) for n in range(50)])
        assert state.maintain(NOW).more
        assert maintained(state) > 0
        assert (len(state), list(state.shoppers(5))) == (0, [])


def test_rows_leave_the_log_once_no_history_has_them(
    redis_server: RedisServer, prefix: str, client: Any
) -> None:
    with at(redis_server, prefix, retention_days=10, log_days=20) as state:
        times = {"log": NOW - 15 * DAY_MS, "gone": NOW - 25 * DAY_MS, "history": NOW}
        state.append([did("gone", time_ms=times["gone"])])
        state.show([page("gone", "a", time_ms=times["gone"])])
        state.append([did(id_, time_ms=times[id_]) for id_ in ("log", "history")])
        assert maintained(state) == 3
        assert client.xlen(f"{{{prefix}}}:log") == 2
        assert [event.id for event in state.export("u")] == ["log", "history"]
        receipt = state.forget("u", NOW)
        assert (receipt.interactions, receipt.rankings) == (2, 0)
        assert client.xlen(f"{{{prefix}}}:log") == 0
        left = {key.decode().partition(":")[2] for key in client.keys(f"{{{prefix}}}:*")}
        names = {key.partition(":")[0] for key in left}
        assert not [name for name in names if name[0] in "usxc" and len(name) < 3]
        assert not names & {"ids", "shoppers"}


def test_one_process_does_upkeep_at_a_time(
    redis_server: RedisServer, prefix: str, client: Any
) -> None:
    with at(redis_server, prefix, retention_days=10) as state:
        state.append([did("old", time_ms=NOW - 11 * DAY_MS)])
        client.set(f"{{{prefix}}}:upkeep", "another", ex=60)
        assert maintained(state) == 0
        client.delete(f"{{{prefix}}}:upkeep")
        assert maintained(state) == 1
        assert not client.exists(f"{{{prefix}}}:upkeep")


def test_nothing_of_a_forgotten_user_is_told_for_long(
    redis_server: RedisServer, prefix: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that missed what was taken out counts anew."""
    with at(redis_server, prefix) as state, at(redis_server, prefix) as late:
        state.append([did("1", user="u"), did("2", user="v")])
        assert taken(late) == 2
        state.forget("u", 1)
        maintained(state)
        ((_, told),) = client.xrange(f"{{{prefix}}}:taken")
        assert told[b"i"].startswith(b'[[1,"a","click",0,') and b'"u"' not in told[b"i"]
        monkeypatch.setattr(upkeep, "_TAKEN_KEPT_S", -1)
        maintained(state)
        assert client.xlen(f"{{{prefix}}}:taken") == 0
        assert taken(late) == taken(state) == 1


def test_a_snapshot_from_before_what_is_no_longer_told_goes(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_SNAPSHOT_ROWS", 2)
    path = tmp_path / "counters"
    with at(redis_server, prefix, snapshot=path) as elsewhere:
        elsewhere.append([did("1", user="u"), did("2", user="v")])
        maintained(elsewhere)
    with at(redis_server, prefix) as state:
        state.forget("u", 1)
        monkeypatch.setattr(upkeep, "_TAKEN_KEPT_S", -1)
        maintained(state)
    assert path.exists()
    with at(redis_server, prefix, snapshot=path) as elsewhere:
        assert taken(elsewhere) == 1
        assert not path.exists()


def test_a_process_that_starts_goes_on_from_the_snapshot(
    redis_server: RedisServer, prefix: str, client: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(following, "_SNAPSHOT_ROWS", 2)
    path = tmp_path / "deep" / "counters"
    with at(redis_server, prefix, snapshot=path) as state:
        state.append([did("1")])
        maintained(state)
        assert not path.exists()
        state.append([did("2")])
        maintained(state)
    client.xtrim(f"{{{prefix}}}:log", maxlen=0)  # so that counting anew would find nothing
    with at(redis_server, prefix, snapshot=path) as state:
        assert taken(state) == 2
        state.append([did("3")])
        assert taken(state) == 3


def test_a_snapshot_of_a_forgotten_user_goes(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_SNAPSHOT_ROWS", 2)
    path = tmp_path / "counters"
    with at(redis_server, prefix, snapshot=path) as state:
        state.append([did("1", user="u", query="my secret"), did("2", user="v")])
        maintained(state)
        assert b"my secret" in path.read_bytes()
        state.forget("u", 1)
        assert not path.exists()
    assert b"secret" not in path.read_bytes()  # written anew at the end


def test_a_snapshot_of_another_log_is_not_used(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_SNAPSHOT_ROWS", 1)
    path = tmp_path / "counters"
    with at(redis_server, prefix, snapshot=path) as state:
        state.append([did("1")])
        maintained(state)
    with at(redis_server, uuid4().hex, snapshot=path) as other:
        other.append([did(str(n)) for n in range(3)])
        assert taken(other) == 3


def test_what_was_never_counted_is_not_taken_back(redis_server: RedisServer, prefix: str) -> None:
    with at(redis_server, prefix) as state, at(redis_server, prefix) as late:
        state.append([did("1", user="v")])
        state.show([page("1", "a", user="v")])
        assert taken(late) == 1
        state.append([did("2", user="u")])
        state.show([page("2", "a", user="u")])
        state.forget("u", 1)
        assert taken(late) == 1
        assert late.item_counts(["a"], 0).shown[0, 0] == 1


def test_a_user_who_stays_claims_a_session_once(
    redis_server: RedisServer, prefix: str, client: Any
) -> None:
    with at(redis_server, prefix) as state:
        state.append([did(str(n), session="s", time_ms=n) for n in (1, 2, 5, 3, 4)])
        state.append([did("6", session="s", time_ms=6), did("0", session="s")])
        claims = client.zrange(f"{{{prefix}}}:c:s", 0, -1, withscores=True)
        assert [(claim[6:], time) for claim, time in claims] == [(b"u", 6)]
        assert 30 * 86_400 < client.ttl(f"{{{prefix}}}:c:s") <= 31 * 86_400


@pytest.mark.slow
def test_whoever_follows_meanwhile_counts_the_same(redis_server: RedisServer, prefix: str) -> None:
    """Workers look while others append, forget and expire; in the end they agree with a new one."""
    stop = threading.Event()

    def look(state: RedisState) -> None:
        while not stop.is_set():
            state.item_counts(["a"], 0)
            state.maintain(0)

    def tell(state: RedisState, which: int) -> None:
        for n in range(60):
            name = f"u{which}-{n % 4}"
            rows = [did(f"{which}.{n}.{k}", user=name, query=f"q{n % 4}") for k in range(20)]
            state.append([*rows, did(f"{which}.{n}", user=None, session=f"s{n}", time_ms=n)])
            state.show([page(f"{which}.{n}", "a", "b", user=name)])
            if n % 5 == 4:
                state.forget(name, -1)
            if n % 20 == 19:
                state.expire(n - 10)

    with contextlib.ExitStack() as stack:
        states = [stack.enter_context(at(redis_server, prefix)) for _ in range(6)]
        looking = [threading.Thread(target=look, args=(state,)) for state in states[:3]]
        telling = [
            threading.Thread(target=tell, args=(state, n)) for n, state in enumerate(states[3:])
        ]
        for thread in (*looking, *telling):
            thread.start()
        for thread in telling:
            thread.join(60)
        stop.set()
        for thread in looking:
            thread.join(60)
        new = stack.enter_context(at(redis_server, prefix))
        told = new.item_counts(["a", "b"], 0)
        assert told.decayed[0, 0] > 0
        for state in states:
            counts = state.item_counts(["a", "b"], 0)
            np.testing.assert_allclose(counts.decayed, told.decayed, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(counts.shown, told.shown, rtol=1e-4, atol=1e-4)
            for n in range(4):
                ask = (f"q{n}", ["a"], 0)
                ours, theirs = state.query_counts(*ask), new.query_counts(*ask)
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
