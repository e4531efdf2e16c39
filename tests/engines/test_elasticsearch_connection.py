import base64
import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from search_rerank.config import Config, EngineConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine, IndexSchema
from search_rerank.engines.elasticsearch import connection
from search_rerank.engines.elasticsearch.asking import Asking
from search_rerank.engines.elasticsearch.connection import address, connect
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.errors import EngineError, EngineUnavailable
from tests.engines.stub_server import Answer, Stub, healthy, stub_server

pytestmark = pytest.mark.slow  # real waiting and real processes

SECRETS = (connection.API_KEY, connection.USER, connection.PASSWORD, connection.CA_FILE)


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Stub]:
    with stub_server(healthy) as stub:
        yield stub


def open_at(*urls: str, **settings: float) -> Engine:
    return open_engine(Config(engine=EngineConfig(kind="elasticsearch", url=urls, **settings)))  # type: ignore[arg-type]


def unused_port() -> int:
    with stub_server(healthy) as stub:
        return stub.port


def test_a_dead_node_is_left_out_and_used_again_when_it_is_back(server: Stub) -> None:
    port = unused_port()
    with closing(open_at(f"http://127.0.0.1:{port}", server.url)) as engine:
        for _ in range(20):
            assert list(engine.versions()) == []
        with stub_server(healthy, port) as back:
            for _ in range(200):
                assert list(engine.versions()) == []
                if back.asked:
                    break
                time.sleep(0.05)
            assert back.asked
        for _ in range(20):  # and gone once more
            assert list(engine.versions()) == []


def test_a_node_that_hangs_is_left_out(server: Stub) -> None:
    def hanging(method: str, path: str, body: bytes) -> Answer:
        time.sleep(0.5)
        return healthy(method, path, body)

    with stub_server(hanging) as slow:
        with closing(open_at(slow.url, server.url, timeout_s=0.2, retries=1)) as engine:
            for _ in range(10):
                assert engine.info()["live"] is None
        assert slow.asked


def test_without_retries_a_dead_node_is_an_error_that_names_all(server: Stub) -> None:
    urls = [f"http://127.0.0.1:{unused_port()}" for _ in range(2)]
    with pytest.raises(EngineUnavailable, match=f"at {urls[0]}, {urls[1]} cannot be reached"):
        open_at(*urls)


@pytest.mark.parametrize("retries", [0, 3])
def test_a_request_is_repeated_as_often_as_configured(retries: int) -> None:
    with stub_server(lambda *_: None) as stub:
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            open_at(stub.url, retries=retries)
    assert len(stub.asked) == 1 + retries


def test_a_lone_server_that_is_too_slow_is_not_asked_again() -> None:
    def hanging(method: str, path: str, body: bytes) -> Answer:
        time.sleep(0.3)
        return healthy(method, path, body)

    with stub_server(hanging) as stub:
        with pytest.raises(EngineUnavailable, match=r"in time.*engine\.timeout_s"):
            open_at(stub.url, timeout_s=0.1, retries=5)
    assert len(stub.asked) == 1


@pytest.mark.parametrize(("failures", "asked"), [(0, [2]), (1, [2, 1]), (9, [2, 1, 1])])
def test_one_search_of_several_is_asked_again(failures: int, asked: list[int]) -> None:
    """A node that dies in the middle fails a part of an answer that came all right."""
    sizes: list[int] = []

    def answering(method: str, path: str, body: bytes) -> Answer:
        searches = [json.loads(line) for line in body.splitlines()[1::2]]
        sizes.append(len(searches))
        failed = {"status": 503, "error": {"reason": "all shards failed"}}
        return 200, {
            "responses": [
                failed
                if search["size"] == 7 and len(sizes) <= failures
                else {"status": 200, "size": search["size"]}
                for search in searches
            ]
        }

    known = Known("x", IndexSchema(0, ""), datetime.now(UTC), True, False, {})
    with stub_server(answering) as stub, closing(connect(EngineConfig(url=stub.url))) as client:
        answers = Asking(client, 1.0).ask(known, [{"size": 5}, {"size": 7}])
    assert answers[0] == {"status": 200, "size": 5}
    assert answers[1]["status"] == (503 if failures == 9 else 200)
    assert sizes == asked


def test_credentials_come_from_the_environment(
    server: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(connection.USER, "shop")
    monkeypatch.setenv(connection.PASSWORD, "s3cret")
    open_at(server.url).close()
    monkeypatch.setenv(connection.API_KEY, "a-key")
    open_at(server.url).close()
    told = [headers.get("authorization") for _, _, headers in server.asked]
    basic = base64.b64encode(b"shop:s3cret").decode()
    assert told == [f"Basic {basic}", "ApiKey a-key"]


def test_a_refused_secret_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(connection.API_KEY, "a-key")
    with stub_server(lambda *_: (401, {"error": {"reason": "no"}})) as stub:
        with pytest.raises(EngineError, match=f"{stub.url} refused access: no.*API_KEY") as error:
            open_at(stub.url)
    assert "a-key" not in str(error.value)


def test_cloud_id() -> None:
    code = base64.b64encode(b"cloud.example$abc$def").decode()
    config = EngineConfig(cloud_id=f"shop:{code}")
    with closing(connect(config)) as client:
        (node,) = client.transport.node_pool.all()
        assert node.base_url == "https://abc.cloud.example:443"
    assert address(config) == "cloud shop"
    with pytest.raises(EngineError, match=r"engine\.cloud_id: expected NAME:CODE"):
        connect(EngineConfig(cloud_id="nonsense"))


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("no certificate can be made: openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *about]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with stub_server(healthy, context=context) as stub:
        with pytest.raises(EngineUnavailable, match=r"(?i)certificate"):
            open_at(stub.url, retries=0)
        monkeypatch.setenv(connection.CA_FILE, str(certificate))
        open_at(stub.url).close()
    monkeypatch.setenv(connection.CA_FILE, str(tmp_path / "absent.pem"))
    with pytest.raises(EngineError, match=r"CA_FILE: expected a file, found none at .*absent\.pem"):
        open_at("https://127.0.0.1:1")
