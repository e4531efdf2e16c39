"""Which servers a Redis state accepts, how it is named and reached, and what it may not tell."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
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

pytestmark = pytest.mark.slow


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


def test_a_replica_that_has_it_is_waited_for(own_redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", replicaof=f"127.0.0.1 {own_redis_server.port}")
    try:
        with (
            closing(opened(own_redis_server.url, replicas=1)) as state,
            closing(opened(replica.url)) as other,
            raw(own_redis_server) as client,
        ):
            client.config_set("repl-diskless-sync-delay", 0)
            client.wait(1, 30_000)
            assert state.append([did("1")]) == 1
            assert other.item_counts(["a"], 0).decayed[0, 0] == 1
            with pytest.raises(StateError, match="found a replica.*its primary"):
                other.append([did("2")])
    finally:
        replica.kill()


@pytest.mark.slow
def test_a_missing_replica_is_told_and_the_rows_are_there(redis_server: RedisServer) -> None:
    prefix = uuid4().hex
    url = redis_server.url
    with closing(opened(url, prefix, timeout_s=2.0, replicas=1)) as state:
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
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, check=True,
    )  # fmt: skip
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


def test_over_a_socket_of_the_machine() -> None:
    with tempfile.TemporaryDirectory() as folder:  # its path must be short
        server = RedisServer(Path(folder), unixsocket=f"{folder}/s")
        try:
            with closing(opened(f"unix://{folder}/s")) as state:
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
    own_redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that docs/redis.md names, without `CONFIG|GET`."""
    with raw(own_redis_server) as client:
        rights = "+@read +@write +@scripting +@transaction +@connection +TIME ~{shop}:*"
        client.execute_command("ACL", "SETUSER", "shop", "on", ">secret", *rights.split())
    monkeypatch.setenv(connection.USER, "shop")
    monkeypatch.setenv(connection.PASSWORD, "secret")
    with closing(opened(own_redis_server.url, "shop", retention_days=1, log_days=1)) as state:
        assert state.append([did("1", user=None, session="s"), did("2", session="s")]) == 2
        assert state.show([page("1", "a")]) == 1
        assert len(state.history("u", "s", 9)) == 2
        assert state.item_counts(["a"], 0).decayed[0, 0] == 2
        assert len(list(state.export("u"))) == 3
        assert state.maintain(10 * DAY_MS).expired == 3
        assert state.forget("u", 1).complete
    assert "cannot see how durable" in caplog.text
    with closing(opened(own_redis_server.url, "other")) as state:
        with pytest.raises(StateError, match="access refused.*set SEARCH_RERANK_REDIS_USER"):
            state.append([did("1")])


def test_a_node_of_a_cluster_serves_as_any_server(tmp_path: Path) -> None:
    """All keys lie in one slot, those that scripts make up, too."""
    server = RedisServer(tmp_path, **{"cluster-enabled": "yes"})
    try:
        with raw(server) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            deadline = time.monotonic() + 30
            while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            slots = set()
            with closing(opened(server.url, retention_days=1)) as state:
                state.append([did("1", user=None, session="s"), did("2", session="s")])
                state.show([page("1", "a", user="v"), page("2", "a", time_ms=9 * DAY_MS)])
                assert len(state.history("u", None, 9)) == 2
                assert state.item_counts(["a"], 0).decayed[0, 0] == 2
                slots |= {client.execute_command("CLUSTER", "KEYSLOT", k) for k in client.keys()}
                assert state.maintain(5 * DAY_MS).expired == 3
                assert state.forget("u", 1).interactions == 2
                slots |= {client.execute_command("CLUSTER", "KEYSLOT", k) for k in client.keys()}
            assert len(slots) == 1
    finally:
        server.kill()
