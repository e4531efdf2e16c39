"""`POST /rerank`: the caller's candidates, each exactly once, whatever the index holds of them."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.engines.embedded.engine import EmbeddedEngine
from search_rerank.errors import EngineUnavailable
from tests.service.conftest import World


def _post(client: FlaskClient, **body: object) -> dict:
    response = client.post("/rerank", json=body)
    assert response.status_code == 200, response.text
    return response.json


def test_every_item_is_there_once_and_tells_where_it_was_given(
    client: FlaskClient, world: World
) -> None:
    ids = [item.id for item in world.items[:30]]
    answer = _post(client, items=ids, user="u00001")
    assert sorted(hit["id"] for hit in answer["hits"]) == sorted(ids)
    assert all(ids[hit["given_rank"]] == hit["id"] for hit in answer["hits"])
    assert [hit["rank"] for hit in answer["hits"]] == list(range(30))
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["bundle"] is not None
    assert answer["degraded"] == []


def test_items_that_the_index_does_not_hold_come_last_in_the_order_given(
    client: FlaskClient, world: World
) -> None:
    known = [item.id for item in world.items[:3]]
    answer = _post(client, items=["zz", known[0], "aa", *known[1:]])
    assert [hit["id"] for hit in answer["hits"]][-2:] == ["zz", "aa"]
    assert {hit["id"] for hit in answer["hits"][:3]} == set(known)


def test_an_item_given_twice_counts_once(client: FlaskClient, world: World) -> None:
    first, second = (item.id for item in world.items[:2])
    answer = _post(client, items=[first, second, first])
    assert sorted(hit["id"] for hit in answer["hits"]) == sorted([first, second])


def test_the_order_given_does_not_matter(client: FlaskClient, world: World) -> None:
    ids = [item.id for item in world.items[:20]]
    for query in ("", "shoes"):
        forth = _post(client, items=ids, user="u00001", query=query)
        back = _post(client, items=ids[::-1], user="u00001", query=query)
        assert [hit["id"] for hit in forth["hits"]] == [hit["id"] for hit in back["hits"]]


def test_it_ranks_as_search_ranks(client: FlaskClient, world: World) -> None:
    """What search retrieves, given to rerank, has the same features: there is one way to rank."""
    body = {"query": "shoes", "user": "u00001", "size": 100, "explain": True}
    found = client.post("/search", json=body).json["hits"]
    items = [hit["id"] for hit in found]
    again = _post(client, items=items, query="shoes", user="u00001", explain=True)["hits"]
    by_id = {hit["id"]: hit["features"] for hit in again}
    same = ("query.lexical", "query.vector", "score.item_knn", "user.interactions")
    names = [name for name in same if name in found[0]["features"]]
    assert len(names) >= 3
    for hit in found:
        here = [float(hit["features"][name] or 0.0) for name in names]
        assert [float(by_id[hit["id"]][name] or 0.0) for name in names] == pytest.approx(here)


def test_an_engine_that_is_away_costs_its_scores_and_nothing_else(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise EngineUnavailable("gone")

    monkeypatch.setattr(EmbeddedEngine, "score", away)
    ids = [item.id for item in world.items[:5]]
    answer = _post(client, items=ids, query="shoes", user="u00001")
    assert sorted(hit["id"] for hit in answer["hits"]) == sorted(ids)
    assert answer["degraded"] == [{"stage": "retrieve", "reason": "the engine gave no scores"}]
    assert answer["bundle"] is not None  # ranked all the same


def test_size_cuts(client: FlaskClient, world: World) -> None:
    ids = [item.id for item in world.items[:5]]
    whole = _post(client, items=ids)["hits"]
    assert _post(client, items=ids, size=2)["hits"] == whole[:2]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [""]}, "items"),
        ({"items": ["p"] * 1001}, "items"),
        ({"items": ["p1"], "size": -1}, "size"),
        ({"items": ["p1"], "usr": "u"}, "did you mean 'user'"),
        ([], "expected an object"),
    ],
)
def test_a_wrong_body_is_refused(client: FlaskClient, body: object, reason: str) -> None:
    response = client.post("/rerank", json=body)
    assert response.status_code == 400
    assert reason in response.json["detail"]


@settings(max_examples=40, deadline=None)
@given(ids=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=30))
def test_any_ids_come_back_each_once(client: FlaskClient, ids: list[str]) -> None:
    answer = _post(client, items=ids, user="u00001")
    assert sorted(hit["id"] for hit in answer["hits"]) == sorted(set(ids))
