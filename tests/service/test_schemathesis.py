"""Requests generated from the document, right and wrong ones: none is answered by a 5xx."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial

import pytest
import schemathesis
from werkzeug.serving import make_server

from benchmarks.schemathesis import TIMEOUT_S, fuzz, known_at, with_rules
from service.app import create_app
from service.openapi.operations import OPERATIONS
from tests.service.conftest import build

pytestmark = pytest.mark.slow
REQUESTS = int(os.environ.get("SEARCH_RERANK_REQUESTS", "186"))
"""`python -m benchmarks.schemathesis` sends 20,000 to a service of several workers."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over a shop of its own, which the requests change as they like."""
    own = build(tmp_path_factory.mktemp("fuzzed"))
    app = create_app(own.config, clock=lambda: own.now_ms)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["search_rerank"].close()


def test_generated_requests_get_no_5xx(address: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    before = partial(with_rules, address)
    done = list(fuzz(schema, REQUESTS, known_at(address), before=before, timeout=TIMEOUT_S))
    # schemathesis leaves the address out that it has the document from
    assert len(done) == len(OPERATIONS) - 1
    assert [failure for one in done for failure in one.failures] == []
    assert sum(one.statuses.total() for one in done) >= REQUESTS
    # enough of them get through to what lies behind the checks
    assert sum(one.row()["2xx"] for one in done) > REQUESTS / 4
