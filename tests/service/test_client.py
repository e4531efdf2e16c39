"""The client against a real service over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from werkzeug.serving import make_server

from search_rerank.rules.rule_set import RuleSet
from service.app import create_app
from service.client import Client, ClientError, Unreachable
from service.openapi.operations import OPERATIONS
from tests.service.conftest import World, build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def client(own: World) -> Iterator[Client]:
    app = create_app(own.config, clock=lambda: own.now_ms)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with Client(f"http://127.0.0.1:{server.server_port}") as made:
        yield made
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["search_rerank"].close()


def test_it_searches_in_pages_with_reasons(client: Client) -> None:
    first = client.search("shoes", user="u00001", size=5, reasons=True)
    assert len(first.hits) == 5 and first.bundle and first.basis == "history"
    assert all(hit.item.title for hit in first.hits) and any(hit.reason for hit in first.hits)
    pages = list(client.pages(first))
    ids = [hit.id for page in pages for hit in page.hits]
    assert len(ids) == len(set(ids)) >= first.total


def test_from_is_written_with_a_line_below(client: Client) -> None:
    whole = [hit.id for hit in client.search("shoes", size=10).hits]
    assert [hit.id for hit in client.search("shoes", size=5, from_=5).hits] == whole[5:]


def test_it_ranks_recommends_suggests(client: Client, own: World) -> None:
    ids = [item.id for item in own.items[:10]]
    assert {hit.id for hit in client.rerank(ids, user="u00001", explain=True).hits} == set(ids)
    assert client.recommend("trending", size=3).hits
    assert client.suggest("sh", size=3).suggestions
    assert len(client.similar(ids[0], 4).hits) == 4


def test_events_count_once_however_often_they_are_sent(client: Client, own: World) -> None:
    row = {"item": own.items[0].id, "type": "click", "user": "client", "id": "once"}
    assert client.events([row]).new == 1
    assert client.events([row]).new == 0
    assert client.events([{k: v for k, v in row.items() if k != "id"}]).new == 1
    assert [one["event"] for one in client.export_user("client")][:1] == ["user"]
    assert client.opt_out("client").opted_out and not client.opt_out("client", False).opted_out
    assert client.forget_user("client").interactions == 2


def test_items_are_written_changed_removed(client: Client) -> None:
    item = "shelf/42 ü"
    assert client.put_item(item, {"title": "Enamel kettle"}).status == "written"
    assert client.patch_item(item, {"price": 24.5}).status == "written"
    assert client.item(item).price == 24.5
    assert client.delete_item(item).id == item
    with pytest.raises(ClientError, match="404: expected an item of the index") as caught:
        client.item(item)
    assert caught.value.status == 404 and caught.value.problem["title"] == "Not Found"
    assert client.put_items([{"id": "p-new", "title": "Mug"}]).written == 1


def test_rules_need_the_tag_that_they_had(client: Client) -> None:
    _, tag = client.rules()
    rule = {"kind": "bury", "where": {"terms": {"brand": ["Harrow"]}}}
    assert client.put_rule("r1", rule, tag).rules == 1
    with pytest.raises(ClientError, match="412: the rules were changed since"):
        client.put_rules({"rules": []}, tag)
    assert client.rule("r1").id == "r1"
    stored, tag = client.rules()
    assert isinstance(stored, RuleSet) and client.delete_rule("r1", tag).rules == 0


def test_bundles_and_readiness(client: Client) -> None:
    told = client.bundles()
    assert told.live is not None and client.load_bundle(told.live).live == told.live
    assert client.ready().bundle == told.live
    with pytest.raises(ClientError, match="409|earlier|before"):
        client.rollback()  # there is only one


def test_rules_are_tried_and_leave_nothing(client: Client) -> None:
    first = client.search("shoes", size=1).hits[0].id
    hidden = {"id": "r1", "kind": "hide", "where": {"terms": {"id": [first]}}}
    told = client.try_rules({"query": "shoes", "size": 3}, {"rules": [hidden]})
    assert first in told.before and first not in told.after
    assert client.rules()[0].rules == ()


def test_it_knows_every_operation_for_programs() -> None:
    left = {"/metrics", "/healthz", "/openapi.json"}
    tags = {one.rule for one in OPERATIONS} - left
    assert len(tags) == 18  # a new address: give the client a method, or leave it out here


class _Flaky(BaseHTTPRequestHandler):
    """Answers as it is told, one answer a request, then 200."""

    protocol_version = "HTTP/1.1"
    answers: list[int] = []
    seen: list[tuple[str, dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        self.seen.append((self.path, dict(self.headers), self.rfile.read(size)))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            self.close_connection = True
            return
        body = b'{"accepted":1,"new":1,"ignored":0,"refused":[]}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def flaky() -> Iterator[str]:
    _Flaky.answers, _Flaky.seen = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Flaky)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/shop/"
    server.shutdown()
    thread.join()
    server.server_close()


EVENT = {"item": "p1", "type": "click", "session": "s"}


@pytest.mark.parametrize("failures", [[503, 429], [0], [502, 0], [504]])
def test_what_may_pass_is_tried_again_with_the_same_ids(flaky: str, failures: list[int]) -> None:
    _Flaky.answers[:] = failures
    with Client(flaky, key="secret") as client:
        assert client.events([EVENT]).new == 1
    assert len(_Flaky.seen) == len(failures) + 1
    assert len({body for _, _, body in _Flaky.seen}) == 1
    assert {path for path, _, _ in _Flaky.seen} == {"/shop/events"}
    assert all(headers["Authorization"] == "Bearer secret" for _, headers, _ in _Flaky.seen)


def test_it_gives_up_after_so_many_attempts(flaky: str) -> None:
    _Flaky.answers[:] = [503] * 9
    with Client(flaky, attempts=2) as client, pytest.raises(ClientError, match="503"):
        client.events([EVENT])
    assert len(_Flaky.seen) == 2


def test_what_will_not_pass_is_asked_once(flaky: str) -> None:
    _Flaky.answers[:] = [400]
    with Client(flaky) as client, pytest.raises(ClientError, match="400: no detail"):
        client.events([EVENT])
    assert len(_Flaky.seen) == 1


def test_nobody_there_is_unreachable() -> None:
    with Client("http://127.0.0.1:9", attempts=1) as client, pytest.raises(Unreachable):
        client.ready()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected http://HOST:PORT, found 'localhost:8000'"):
        Client("localhost:8000")
