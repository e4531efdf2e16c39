"""Rules change what is shown, not what was ranked: replayed features are those that were logged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search_rerank.config import RetrievalConfig
from tests.skew.conftest import Logged


@pytest.mark.slow
def test_the_log_holds_the_features_of_the_model_and_the_order_of_the_rules(
    logged: Logged,
) -> None:
    few = logged.config.model_copy(update={"retrieval": RetrievalConfig(k=20)})
    logged = replace(logged, config=few)
    query = {"query": "shoes", "size": 20, "user": "u00001"}
    with logged.client() as client:
        found = [hit["id"] for hit in client.post("/search", json=query).get_json()["hits"]]
        other = next(item.id for item in logged.world.items if item.id not in found)
        rules = [
            {"id": "front", "kind": "pin", "places": {found[7]: 1, other: 2}},
            {"id": "gone", "kind": "hide", "where": {"terms": {"id": found[1]}}},
            {"id": "known", "kind": "hide", "when": {"segments": ["known"]},
             "where": {"terms": {"id": found[3]}}},
            {"id": "mix", "kind": "diversify", "by": "brand", "most": 1, "window": 2},
        ]  # fmt: skip
        saved = client.put("/rules", json=rules, headers={"If-Match": "*"})
        assert saved.status_code == 200, saved.get_json()
        answer = client.post("/search", json=query).get_json()
    one = {served.id: served for served in logged.served()}[answer["id"]]
    ids, shown = one.candidates.ids, [one.candidates.ids[row] for row in one.order.tolist()]
    assert shown[:20] == [hit["id"] for hit in answer["hits"]]
    assert shown[:2] == [found[7], other]
    assert found[1] not in ids and found[3] in ids and found[3] not in shown
    assert len(one.X) == len(ids) == len(shown) + 1
    skew = logged.skew()
    assert skew.compared.same and skew.compared.requests == 2
