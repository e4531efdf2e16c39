"""A state whose server is shared, stops, restarts, forgets, or is not set up as it must be."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import pytest

from search_rerank.config import parse_config
from search_rerank.errors import MissingExtra, StateError
from search_rerank.state.opening import open_state
from search_rerank.state.redis import connection
from search_rerank.state.redis.server import Durability
from tests.state.contract import DAY_MS, GAINS, did, page
from tests.state.redis_server import RedisServer, opened, raw


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may stop."""
    server = RedisServer(tmp_path)
    yield server
    server.kill()


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


def test_what_was_acknowledged_survives_a_server_that_is_killed(own: RedisServer) -> None:
    with closing(opened(own.url)) as state:
        for n in range(5):
            state.append([did(f"{n}.{k}") for k in range(3)])
            state.show([page(str(n), "a")])
            own.kill()
            own.start()
            assert len(state) == 3 * (n + 1)
            counts = state.item_counts(["a"], 0)
            assert (counts.decayed[0, 0], counts.shown[0, 0]) == (3 * (n + 1), n + 1)


@pytest.mark.slow
def test_no_acknowledged_event_is_lost_by_a_server_killed_at_any_moment(own: RedisServer) -> None:
    rng = random.Random(0)
    acknowledged: set[str] = set()
    with closing(opened(own.url)) as state:
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
            own.kill()
            writer.join(30)
            assert not writer.is_alive()
            own.start()
        there = {event.id for event in state.export("u")}
        assert acknowledged <= there
        assert len(there) - len(acknowledged) <= 50 * 3  # what was stored and not acknowledged
        assert state.item_counts(["a"], 0).decayed[0, 0] == len(state) == len(there)


def test_a_server_that_is_away_is_told_and_found_again(own: RedisServer) -> None:
    with closing(opened(own.url)) as state:
        state.append([did("1")])
        own.kill()
        for ask in (
            lambda: state.append([did("2")]),
            lambda: state.history("u", None, 5),
            lambda: state.item_counts(["a"], 0),
            lambda: state.shoppers(5),
            lambda: len(state),
        ):
            with pytest.raises(StateError, match=r"cannot be reached.*check state\.url"):
                ask()
        own.start()
        assert state.append([did("1"), did("2")]) == 1
        assert state.item_counts(["a"], 0).decayed[0, 0] == 2


def test_a_server_may_come_later(own: RedisServer) -> None:
    own.kill()
    with closing(opened(own.url)) as state:
        with pytest.raises(StateError, match="cannot be reached"):
            state.history("u", None, 5)
        own.start()
        assert state.append([did("1")]) == 1


def test_a_server_that_does_not_answer_is_not_waited_for(own: RedisServer) -> None:
    with closing(opened(own.url, timeout_s=0.1)) as state:
        state.append([did("1")])
        own.pause()
        with pytest.raises(StateError, match=r"no answer in time.*state\.timeout_s"):
            state.append([did("2")])
        own.go_on()
        assert state.append([did("2"), did("3")]) in (1, 2)  # it may have heard the first time
        assert len(state) == 3


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


@pytest.mark.parametrize(
    ("durability", "settings", "message"),
    [
        ("full", {"appendfsync": "everysec"}, "expects appendfsync always, found everysec.*CONFIG"),
        ("full", {"appendonly": "no"}, "expects appendonly yes, found no"),
        ("normal", {"appendonly": "no"}, "expects appendonly yes, found no"),
        ("normal", {"maxmemory-policy": "allkeys-lru"}, "noeviction, found allkeys-lru"),
    ],
)
def test_a_server_that_would_lose_events_is_refused(
    tmp_path: Path, durability: Durability, settings: dict[str, str], message: str
) -> None:
    server = RedisServer(tmp_path, **settings)
    try:
        state = opened(server.url, durability=durability)
        with pytest.raises(StateError, match=message):
            state.append([did("1")])
        state.close()
    finally:
        server.kill()


def test_less_durable_is_a_choice(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, appendfsync="everysec")
    try:
        with closing(opened(server.url, durability="normal")) as state:
            assert state.append([did("1")]) == 1
    finally:
        server.kill()


def test_a_server_that_tells_no_settings_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(tmp_path, **{"rename-command": "CONFIG hidden"})
    try:
        with closing(opened(server.url)) as state:
            assert state.append([did("1")]) == 1
        assert "needs appendonly yes and appendfsync always" in caplog.text
    finally:
        server.kill()


def test_a_replica_that_has_it_is_waited_for(own: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", replicaof=f"127.0.0.1 {own.port}")
    try:
        with (
            closing(opened(own.url, replicas=1)) as state,
            closing(opened(replica.url)) as other,
            raw(own) as client,
        ):
            client.config_set("repl-diskless-sync-delay", 0)
            client.wait(1, 30_000)
            assert state.append([did("1")]) == 1
            assert other.item_counts(["a"], 0).decayed[0, 0] == 1
            with pytest.raises(StateError, match="found a replica.*its primary"):
                other.append([did("2")])
    finally:
        replica.kill()


def test_a_missing_replica_is_told_and_the_rows_are_there(redis_server: RedisServer) -> None:
    prefix = uuid4().hex
    url = redis_server.url
    with closing(opened(url, prefix, timeout_s=0.2, replicas=1)) as state:
        with pytest.raises(StateError, match="expected 1 replicas to have it, found 0"):
            state.append([did("1")])
        assert len(state) == 1


def test_a_password_comes_from_the_environment_and_is_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer(tmp_path, requirepass="xyzzy-secret")
    try:
        state = opened(server.url)
        with pytest.raises(StateError, match=connection.PASSWORD):
            state.append([did("1")])
        state.close()
        monkeypatch.setenv(connection.PASSWORD, "xyzzy-secret")
        with closing(opened(server.url)) as state:
            assert state.append([did("1")]) == 1
        monkeypatch.setenv(connection.PASSWORD, "xyzzy-wrong")
        with closing(opened(server.url)) as state:
            with pytest.raises(StateError, match="access refused") as refused:
                state.append([did("1")])
        assert "xyzzy" not in str(refused.value)
        monkeypatch.delenv(connection.PASSWORD)
        whole = server.url.replace("//", "//:xyzzy-secret@")
        monkeypatch.setenv(connection.URL, whole)
        with closing(opened()) as state:
            assert state.append([did("1")]) == 0
            server.kill()
            with pytest.raises(StateError, match=f"redis://127.0.0.1:{server.port}/0: cannot be"):
                state.append([did("2")])
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:6379", r"state\.url: expected redis://"),
        ("127.0.0.1:6379", r"state\.url: expected redis://"),
        ("redis://u:xyzzy@127.0.0.1/0", "without user and password"),
        ("redis://127.0.0.1:port/0", r"state\.url redis://127"),
        ("redis://127.0.0.1/shop", r"state\.url: expected redis://"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(StateError, match=message) as refused:
        opened(url)
    assert "xyzzy" not in str(refused.value)


def test_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no certificate: openssl is missing or too old")
    files = {"tls-cert-file": str(certificate), "tls-key-file": str(key)}
    server = RedisServer(tmp_path, tls=True, **files, **{"tls-auth-clients": "no"})
    try:
        state = opened(server.url)
        with pytest.raises(StateError, match=r"cannot be reached.*certificate"):
            state.append([did("1")])
        state.close()
        monkeypatch.setenv(connection.CA_FILE, str(certificate))
        with closing(opened(server.url)) as state:
            assert state.append([did("1")]) == 1
    finally:
        server.kill()


def test_the_settings_name_it(redis_server: RedisServer) -> None:
    settings = {"kind": "redis", "url": redis_server.url, "prefix": uuid4().hex}
    with closing(open_state(parse_config({"state": settings}))) as state:
        assert state.append([did("1", type="purchase")]) == 1
        assert state.item_counts(["a"], 0).decayed[0, 0] == GAINS["purchase"]


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    for name in [name for name in sys.modules if name.startswith("search_rerank.state.redis.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"Redis server needs.*'search-rerank\[redis\]'"):
        open_state(parse_config({"state": {"kind": "redis"}}))


def test_a_user_of_few_rights_suffices(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that docs/redis.md names, without `CONFIG|GET`."""
    with raw(own) as client:
        rights = "+@read +@write +@scripting +@transaction +@connection +TIME ~{shop}:*"
        client.execute_command("ACL", "SETUSER", "shop", "on", ">secret", *rights.split())
    monkeypatch.setenv(connection.USER, "shop")
    monkeypatch.setenv(connection.PASSWORD, "secret")
    with closing(opened(own.url, "shop", retention_days=1, log_days=1)) as state:
        assert state.append([did("1", user=None, session="s"), did("2", session="s")]) == 2
        assert state.show([page("1", "a")]) == 1
        assert len(state.history("u", "s", 9)) == 2
        assert state.item_counts(["a"], 0).decayed[0, 0] == 2
        assert len(list(state.export("u"))) == 3
        assert state.maintain(10 * DAY_MS).expired == 3
        assert state.forget("u", 1).complete
    assert "cannot see how durable" in caplog.text
    with closing(opened(own.url, "other")) as state:
        with pytest.raises(StateError, match="access refused.*set SEARCH_RERANK_REDIS_USER"):
            state.append([did("1")])
