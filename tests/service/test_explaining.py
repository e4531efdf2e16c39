"""What an answer over HTTP tells of its hits."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.explaining import MAX_CONTRIBUTIONS, MAX_EXPLAINED
from tests.service.conftest import World
from tests.service.test_search import body

ASKED = "user=u00001&query=shoes"


def told(client: FlaskClient, address: str) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = body(client, address)["hits"]
    assert hits
    return hits


def test_an_explanation_sums_to_the_score_and_leads_to_the_place(client: FlaskClient) -> None:
    for rank, hit in enumerate(told(client, f"/search?{ASKED}&size=5&explain=true")):
        found = hit["explanation"]
        parts = [one["contribution"] for one in found["contributions"]]
        total = found["base"] + sum(parts) + found["other_contributions"]
        assert total == pytest.approx(found["score"], abs=1e-6)
        assert 0 < len(parts) <= MAX_CONTRIBUTIONS
        assert found["places"]["engine"] == hit["engine_rank"]
        assert found["places"]["rules"] == found["places"]["exploration"] == rank
        assert set(found["opinions"]) == {"popularity", "item_knn", "als", "content"}
        assert "reason" not in hit


@pytest.mark.parametrize(
    "address", ["/search?query=shoes", "/recommend?", "/recommend?scope=trending"]
)
def test_reasons_are_told_without_features(client: FlaskClient, address: str) -> None:
    hits = told(client, f"{address}&user=u00001&reasons=true")
    assert not any("features" in hit or "explanation" in hit for hit in hits)
    reasons = [hit.get("reason") for hit in hits]
    assert any(reasons)
    for reason in filter(None, reasons):
        assert set(reason) == {"text", "family", "feature", "personal"}
        assert 0 < len(reason["text"]) <= 300


def test_the_language_is_the_request_s(client: FlaskClient) -> None:
    def texts(more: str) -> list[str]:
        return [
            hit["reason"]["text"]
            for hit in told(client, f"/search?{ASKED}&reasons=true{more}")
            if "reason" in hit
        ]

    assert texts("") == texts("&language=en") != texts("&language=zh")
    response = client.get(f"/search?{ASKED}&reasons=true&language=fr")
    assert response.status_code == 400
    assert "language: expected one of en, zh" in response.get_json()["detail"]
    assert client.get(f"/search?{ASKED}&reasons=true&language=../../x").status_code == 400


def test_without_personalising_nothing_personal_is_said(client: FlaskClient) -> None:
    for hit in told(client, f"/search?{ASKED}&reasons=true&personalise=false&size=50"):
        assert not ("reason" in hit and hit["reason"]["personal"])


def test_reranked_items_are_explained_as_far_as_they_are_known(
    client: FlaskClient, world: World
) -> None:
    items = ["unheard-of", *(item.id for item in world.items)]
    asked = {"items": items, "user": "u00001", "explain": True, "reasons": True}
    hits = client.post("/rerank", json=asked).get_json()["hits"]
    explained = [hit for hit in hits if "explanation" in hit]
    assert hits[:MAX_EXPLAINED] == explained and len(hits) > MAX_EXPLAINED
    assert explained[0]["explanation"]["places"]["engine"] == explained[0]["given_rank"]
    assert hits[-1]["id"] == "unheard-of" and "reason" not in hits[-1]


def test_the_page_says_why(client: FlaskClient) -> None:
    page = client.get("/?user=u00001&q=shoes").get_data(as_text=True)
    assert page.count("<summary>Why here?</summary>") == page.count('class="why"') > 3
    assert 'class="reason"' in page
    assert "Engine " in page and " › model " in page
    sorted_page = client.get("/?user=u00001&q=shoes&sort=price").get_data(as_text=True)
    assert "Why here?" not in sorted_page
