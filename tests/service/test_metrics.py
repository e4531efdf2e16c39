"""What `/metrics` counts, and that no label holds what a caller sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from search_rerank.engines.embedded.engine import EmbeddedEngine
from search_rerank.errors import EngineError
from search_rerank.features.table import FeatureTable
from search_rerank.pipeline import Pipeline
from service.app import create_app
from service.metrics import FEATURES_EVERY, Metrics
from service.metrics_reasons import CLASSES, reason_class
from tests.service.conftest import World


@pytest.fixture
def client(world: World) -> Iterator[FlaskClient]:
    app = create_app(world.config, clock=lambda: world.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()


def read(client: FlaskClient) -> dict[tuple[str, ...], float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    return {
        (sample.name.removeprefix("search_rerank_"), *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_by_endpoint_and_status(client: FlaskClient, world: World) -> None:
    client.get("/search?query=shoe")
    client.post("/search", json={"query": "shoe"})
    client.get("/search?size=x")
    client.get(f"/items/{world.items[0].id}")
    client.get("/items/nope")
    found = read(client)
    assert found["requests_total", "/search", "200", "GET"] == 1
    assert found["requests_total", "/search", "200", "POST"] == 1
    assert found["requests_total", "/search", "400", "GET"] == 1
    assert found["requests_total", "/items/<path:item_id>", "200", "GET"] == 1
    assert found["requests_total", "/items/<path:item_id>", "404", "GET"] == 1
    assert found["request_seconds_count", "/search"] == 3
    assert found["requests_in_flight",] == 1  # the one that asks


def test_stages_and_what_shoppers_were_known_from(client: FlaskClient) -> None:
    told = [client.get("/search?query=shoe&user=u00001").get_json() for _ in range(3)]
    found = read(client)
    for stage in told[0]["timings_ms"]:
        assert found["stage_seconds_count", stage] == 3
        spent = sum(one["timings_ms"][stage] for one in told) / 1000
        assert found["stage_seconds_sum", stage] == pytest.approx(spent, abs=1e-4)
    assert found["answers_total", told[0]["basis"]] == 3


def test_degraded_by_stage_and_class(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("search_rerank.scorers.popularity.Popularity.score", fails)
    assert client.get("/search?query=shoe").get_json()["degraded"]
    found = read(client)
    assert found["degraded_total", "error", "score"] == 1


def test_later_pages_and_what_is_found_late_are_counted(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise EngineError("no places")

    first = client.get("/search?query=shoe&size=2&highlight=true").get_json()
    monkeypatch.setattr(EmbeddedEngine, "highlight", fails)
    later = client.get("/search", query_string={"cursor": first["cursor"]})
    assert later.status_code == 200, later.text
    found = read(client)
    assert found["stage_seconds_count", "page"] == 1
    assert found["degraded_total", "highlight", "other"] == 1


def test_events_by_outcome(client: FlaskClient, world: World) -> None:
    row = {"id": "m1", "item": world.items[0].id, "type": "click", "session": "metrics"}
    rows = [row, row | {"id": "m2", "item": "nope"}, {"event": "user", "id": "x"}]
    client.post("/events", json=[*rows, row])
    client.post("/events", json=row)
    found = read(client)
    outcomes = {"accepted": 3, "new": 1, "refused": 1, "ignored": 1}
    for outcome, n in outcomes.items():
        assert found["events_total", outcome] == n


def test_missing_features_of_sampled_rankings(client: FlaskClient) -> None:
    for _ in range(FEATURES_EVERY + 1):
        client.get("/search?query=shoe&session=nobody")
    found = read(client)
    assert found["feature_samples_total",] == 2
    assert any(name == "feature_nulls_total" for name, *_ in found)


def test_a_feature_without_values_counts_its_share() -> None:
    registry = CollectorRegistry()
    measured = Metrics(registry)
    X = np.array([[1, np.nan, np.nan], [1, np.nan, 2]], dtype=np.float32)
    table = FeatureTable(("a", "b", "c"), X, np.array([0, 2]), np.arange(2, dtype=np.int32))
    for _ in range(3):
        measured.ranked(SimpleNamespace(table=table))  # type: ignore[arg-type]
    nulls = [
        registry.get_sample_value("search_rerank_feature_nulls_total", {"feature": name})
        for name in "abc"
    ]
    assert nulls == [None, 3.0, 1.5]
    assert registry.get_sample_value("search_rerank_feature_samples_total") == 3


def test_bundle_items_and_sizes(client: FlaskClient, world: World) -> None:
    bundle = client.get("/search?query=shoe").get_json()["bundle"]
    found = read(client)
    assert found["bundle_workers", bundle] >= 1
    assert found["items",] == len(world.items)
    assert found["state_bytes",] > 0
    assert found["resident_bytes",] > 1e6


def test_an_engine_that_is_away_costs_only_its_own_number(empty_client: FlaskClient) -> None:
    found = read(empty_client)
    assert ("items",) not in found
    assert found["requests_in_flight",] == 1


@pytest.mark.parametrize("path", ["/search?query={}&user={}", "/{}", "/items/{}", "/static/{}"])
def test_what_a_caller_sends_is_in_no_label(client: FlaskClient, path: str) -> None:
    client.get(path.replace("{}", "zanzibar"))
    client.open("/search", method="ZANZIBAR")
    assert "zanzibar" not in client.get("/metrics").text.lower()


def test_our_own_bug_is_counted_too(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Pipeline, "search", bug)
    client.get("/search")
    found = read(client)
    assert found["requests_total", "/search", "500", "GET"] == 1
    assert found["requests_in_flight",] == 1


def test_what_is_refused_for_load_is_counted(world: World) -> None:
    config = world.config.model_copy(
        update={"service": world.config.service.model_copy(update={"refuse": 1})}
    )
    app = create_app(config)
    app.extensions["search_rerank"].load._running = 1
    client = app.test_client()
    assert client.get("/search").status_code == 503
    assert read(client)["requests_total", "/search", "503", "GET"] == 1
    app.extensions["search_rerank"].close()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("RuntimeError", "error"),
        ("no bundle: run search-rerank train", "missing"),
        ("the bundle has no scorer cross_category: configure it and train again", "missing"),
        ("the live one is damaged or misfit: see the log", "damaged"),
        ("the live index was made by another encoder than the bundle: train again", "misfit"),
        ("expected a query vector of 3 numbers, found 16", "misfit"),
        ("the engine could not tell where the words stand", "other"),
        ("late", "late"),
        ("resting", "resting"),
        ("latest", "other"),
        ("something related that nobody thought of", "other"),
        ("", "other"),
    ],
)
def test_classes_of_reasons(reason: str, expected: str) -> None:
    assert reason_class(reason) == expected
    assert expected in CLASSES
