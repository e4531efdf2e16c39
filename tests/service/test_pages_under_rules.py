"""Pages of one list while rules of the shop come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from search_rerank.config import RetrievalConfig, RulesConfig
from service.app import create_app
from tests.service.conftest import World
from tests.service.test_pages import ask, ids, walk

BODY = {"user": "u00001", "size": 5}
K = 12


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Iterator[FlaskClient]:
    """A worker with a short window, and rules of its own."""
    settings = {
        "retrieval": RetrievalConfig(k=K),
        "rules": RulesConfig(file=tmp_path / "rules.json"),
    }
    app = create_app(world.config.model_copy(update=settings), clock=lambda: world.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()


def rule(shop: FlaskClient, *rules: dict[str, Any]) -> None:
    """Write the rules anew, and let the worker see it at once."""
    run = shop.application.extensions["search_rerank"]
    run.config.rules.file.write_bytes(orjson.dumps({"rules": rules}))
    with run.pipeline() as pipeline:
        pipeline.rules.follow()
    assert len(pipeline.rules.rules.in_order) == len(rules)


def hide(**terms: list[str]) -> dict[str, Any]:
    return {"id": "hidden", "kind": "hide", "where": {"terms": terms}}


def rest_of(shop: FlaskClient, page: dict[str, Any]) -> list[str]:
    found = []
    while page["cursor"] is not None:
        page = ask(shop, {"cursor": page["cursor"]})
        found += ids(page)
    return found


def test_pins_are_part_of_the_window(shop: FlaskClient) -> None:
    before = [id_ for page in walk(shop, BODY) for id_ in page]
    far, near = before[60], before[2]
    rule(shop, {"id": "pinned", "kind": "pin", "places": {far: 7, near: 10}})
    first = ask(shop, BODY)
    second = ask(shop, {"cursor": first["cursor"]})
    assert (ids(second)[1], ids(second)[4]) == (far, near)
    assert [hit["rules"] for hit in second["hits"]] == [[], ["pinned"], [], [], ["pinned"]]
    assert [hit["rank_before_rules"] for hit in second["hits"]] == [6, None, 7, 8, 2]
    rule(shop)  # the place was given when the window was frozen
    assert ids(ask(shop, {"cursor": first["cursor"]})) == ids(second)
    found = [*ids(first), *ids(second), *rest_of(shop, second)]
    assert len(set(found)) == len(found) == len(before)


def test_what_is_hidden_comes_on_no_page(shop: FlaskClient) -> None:
    before = [id_ for page in walk(shop, BODY) for id_ in page]
    gone = [before[3], before[8], before[13], before[70]]
    rule(shop, hide(id=gone))
    after = [id_ for page in walk(shop, BODY) for id_ in page]
    assert set(after) == set(before) - set(gone)


def test_what_is_hidden_meanwhile_comes_on_no_later_page(shop: FlaskClient) -> None:
    first = ask(shop, BODY)
    expected = rest_of(shop, first)
    gone = [expected[0], expected[4], expected[20]]
    rule(shop, hide(id=gone))
    found = rest_of(shop, first)
    assert found == [id_ for id_ in expected if id_ not in gone]
    rule(shop)
    assert set(rest_of(shop, first)) == set(expected)


def test_a_filter_holds_past_the_window(shop: FlaskClient, world: World) -> None:
    brand = world.items[0].brand
    own = {item.id for item in world.items if item.brand == brand}
    first = ask(shop, BODY)
    rule(shop, {"id": "only", "kind": "filter", "where": {"terms": {"brand": [brand]}}})
    assert set(rest_of(shop, first)) == own - set(ids(first))


def test_what_is_hidden_from_some_shoppers_is_hidden_past_the_window(shop: FlaskClient) -> None:
    every = [id_ for page in walk(shop, BODY) for id_ in page]
    nine_of_ten = [id_ for n, id_ in enumerate(every) if n % 10]
    rule(shop, hide(id=nine_of_ten[:100]) | {"when": {"segments": ["known"]}})
    found = [id_ for page in walk(shop, BODY) for id_ in page]
    assert set(found) == set(every) - set(nine_of_ten[:100])
    stranger = [id_ for page in walk(shop, {"size": 5}) for id_ in page]
    assert set(stranger) == set(every)
