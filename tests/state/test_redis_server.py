"""A state whose server is shared, stops, restarts, hangs or forgets."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from search_rerank.errors import StateError
from tests.state.contract import did, page
from tests.state.redis_server import RedisServer, opened, raw

pytestmark = pytest.mark.slow

T = TypeVar("T")


def _other_machine(url: str, prefix: str, pipe: Connection) -> None:
    state = opened(url, prefix)
    while (id_ := pipe.recv()) is not None:
        if id_ == "read":
            count = float(state.item_counts(["a"], 0).decayed[0, 0])
            pipe.send((count, len(state.history("u", None, 99))))
        else:
            pipe.send(state.append([did(id_)]))
    state.close()


def test_two_processes_read_what_either_wrote(redis_server: RedisServer) -> None:
    prefix = uuid4().hex
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_other_machine, args=(redis_server.url, prefix, there))
    other.start()

    def elsewhere(what: str) -> object:
        here.send(what)
        assert here.poll(30), "the other process did not answer"
        return here.recv()

    with closing(opened(redis_server.url, prefix)) as state:
        try:
            for n in range(0, 20, 2):
                assert elsewhere(f"theirs {n}") == 1
                assert state.item_counts(["a"], 0).decayed[0, 0] == n + 1
                assert len(state.history("u", None, 99)) == n + 1
                assert state.append([did(f"ours {n}"), did(f"theirs {n}")]) == 1
                assert elsewhere("read") == (n + 2, n + 2)
        finally:
            here.send(None)
            other.join(30)
    assert other.exitcode == 0


def test_two_shops_on_one_server_do_not_mix(redis_server: RedisServer) -> None:
    one, other = (opened(redis_server.url, uuid4().hex) for _ in range(2))
    one.append([did("1")])
    assert (len(one), len(other)) == (1, 0)
    assert other.append([did("1", "b")]) == 1
    assert one.item_counts(["b"], 0).decayed[0, 0] == 0
    one.close()
    other.close()


def test_many_rows_are_stored_in_parts(redis_server: RedisServer) -> None:
    with closing(opened(redis_server.url, uuid4().hex)) as state:
        assert state.append([did(str(n), f"i{n}", n) for n in range(1201)]) == 1201
        assert [past.item for past in state.history("u", None, 2)] == ["i1199", "i1200"]
        assert state.mark() == 1201


def test_what_was_acknowledged_survives_a_server_that_is_killed(
    own_redis_server: RedisServer,
) -> None:
    with closing(opened(own_redis_server.url)) as state:
        for n in range(5):
            state.append([did(f"{n}.{k}") for k in range(3)])
            state.show([page(str(n), "a")])
            own_redis_server.kill()
            own_redis_server.start()
            assert len(state) == 3 * (n + 1)
            counts = state.item_counts(["a"], 0)
            assert (counts.decayed[0, 0], counts.shown[0, 0]) == (3 * (n + 1), n + 1)


@pytest.mark.slow
def test_no_acknowledged_event_is_lost_by_a_server_killed_at_any_moment(
    own_redis_server: RedisServer,
) -> None:
    rng = random.Random(0)
    acknowledged: set[str] = set()
    with closing(opened(own_redis_server.url)) as state:
        for round_ in range(50):
            written = threading.Event()

            def write(round_: int = round_, written: threading.Event = written) -> None:
                for n in range(10_000):
                    rows = [did(f"{round_}.{n}.{k}") for k in range(3)]
                    try:
                        state.append(rows)
                    except StateError:
                        return
                    acknowledged.update(row.id for row in rows)
                    written.set()

            writer = threading.Thread(target=write)
            writer.start()
            assert written.wait(30)
            time.sleep(0.02 * rng.random())
            own_redis_server.kill()
            writer.join(30)
            assert not writer.is_alive()
            own_redis_server.start()
        there = {event.id for event in state.export("u")}
        assert acknowledged <= there
        assert len(there) - len(acknowledged) <= 50 * 3  # what was stored and not acknowledged
        assert state.item_counts(["a"], 0).decayed[0, 0] == len(state) == len(there)


def test_a_server_that_is_away_is_told_and_found_again(own_redis_server: RedisServer) -> None:
    with closing(opened(own_redis_server.url)) as state:
        state.append([did("1")])
        own_redis_server.kill()
        for ask in (
            lambda: state.append([did("2")]),
            lambda: state.history("u", None, 5),
            lambda: state.item_counts(["a"], 0),
            lambda: state.shoppers(5),
            lambda: len(state),
        ):
            with pytest.raises(StateError, match=r"cannot be reached.*check state\.url"):
                ask()
        own_redis_server.start()
        assert state.append([did("1"), did("2")]) == 1
        assert state.item_counts(["a"], 0).decayed[0, 0] == 2


def test_a_server_may_come_later(own_redis_server: RedisServer) -> None:
    own_redis_server.kill()
    with closing(opened(own_redis_server.url)) as state:
        with pytest.raises(StateError, match="cannot be reached"):
            state.history("u", None, 5)
        own_redis_server.start()
        assert state.append([did("1")]) == 1


def eventually(ask: Callable[[], T]) -> T:
    """Return what is answered at last: the machine may be busier than a state has time for."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask()
        except StateError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_server_that_does_not_answer_is_not_waited_for(own_redis_server: RedisServer) -> None:
    with closing(opened(own_redis_server.url, timeout_s=0.1)) as state:
        eventually(lambda: state.append([did("1")]))
        own_redis_server.pause()
        with pytest.raises(StateError, match=r"no answer in time.*state\.timeout_s"):
            state.append([did("2")])
        own_redis_server.go_on()
        eventually(lambda: state.append([did("2"), did("3")]))
        assert eventually(state.__len__) == 3  # it may have heard the first time


def test_not_everyone_waits_for_a_server_that_hangs(own_redis_server: RedisServer) -> None:
    with closing(opened(own_redis_server.url, timeout_s=0.1)) as state:
        eventually(lambda: state.append([did("1")]))
        own_redis_server.pause()
        said = []
        for _ in range(20):
            with pytest.raises(StateError) as told:
                state.history("u", None, 5)
            said.append(str(told.value))
        assert all("no answer in time" in message for message in said[:3])
        assert any("is tried again in a moment" in message for message in said[3:])
        own_redis_server.go_on()
        assert len(eventually(lambda: state.history("u", None, 5))) == 1


def test_a_server_that_lost_its_log_is_counted_anew(redis_server: RedisServer) -> None:
    prefix = uuid4().hex
    with closing(opened(redis_server.url, prefix)) as state:
        state.append([did("1"), did("2", "b")])
        assert state.item_counts(["a", "b"], 0).decayed[:, 0].tolist() == [1, 1]
        with raw(redis_server) as client:
            client.delete(*client.keys(f"{{{prefix}}}*"))
        assert state.append([did("3"), did("4")]) == 2
        assert state.item_counts(["a", "b"], 0).decayed[:, 0].tolist() == [2, 0]


def test_a_server_without_the_end_of_its_log_is_counted_anew(redis_server: RedisServer) -> None:
    """As a replica that took over too soon."""
    prefix = uuid4().hex
    with closing(opened(redis_server.url, prefix)) as state:
        state.append([did("1"), did("2", "b"), did("3", "b")])
        assert state.item_counts(["a", "b"], 0).decayed[:, 0].tolist() == [1, 2]
        with raw(redis_server) as client:
            client.xdel(f"{{{prefix}}}:log", "3-0")
            client.decr(f"{{{prefix}}}:seq")
        assert state.item_counts(["a", "b"], 0).decayed[:, 0].tolist() == [1, 1]


@pytest.mark.slow
def test_a_server_without_memory_stores_all_of_a_batch_or_nothing(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, maxmemory="4mb")
    try:
        with (
            closing(opened(server.url)) as state,
            raw(server) as client,
        ):
            stored = 0
            with pytest.raises(StateError, match="maxmemory"):
                for n in range(1000):
                    stored += state.append([did(f"{n}.{k}", "x" * 100) for k in range(100)])
            assert len(state) == len(list(state.export("u"))) == stored > 0
            assert state.item_counts(["x" * 100], 0).decayed[0, 0] == stored
            assert len(state.history("u", None, 5)) == 5
            client.config_set("maxmemory", 0)
            assert state.append([did("more")]) == 1
    finally:
        server.kill()
