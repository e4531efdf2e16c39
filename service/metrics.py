"""What is counted of requests, answers and events, for Prometheus.

Labels hold names out of the code and of features, never what a caller sent: their number is
bounded.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from flask import Flask, Response, current_app, g, request

from search_rerank.answer import Degraded
from service.metrics_reasons import reason_class

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from search_rerank.ranking import Ranking

FEATURES_EVERY = 64
"""Of so many rankings of a worker one has its missing features counted."""
_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_STAGE_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_PREFIX = "search_rerank"


class Metrics:
    """Counters and histograms of one process, or of all workers where the runner says so.

    Parameters
    ----------
    registry
        Where they are collected from; of several workers the files are read instead.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        # the library looks for the workers' folder when it is first imported
        from prometheus_client import Counter, Gauge, Histogram

        self._requests = Counter(
            f"{_PREFIX}_requests", "Requests answered.", ["endpoint", "method", "status"],
            registry=registry,
        )  # fmt: skip
        self._request_s = Histogram(
            f"{_PREFIX}_request_seconds", "Time from request to response.", ["endpoint"],
            buckets=_REQUEST_S, registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            f"{_PREFIX}_requests_in_flight", "Requests being answered.",
            multiprocess_mode="livesum", registry=registry,
        )  # fmt: skip
        self._stage_s = Histogram(
            f"{_PREFIX}_stage_seconds", "Time of a stage of an answer.", ["stage"],
            buckets=_STAGE_S, registry=registry,
        )  # fmt: skip
        self._answers = Counter(
            f"{_PREFIX}_answers", "Ranked answers, by what the shopper was known from.", ["basis"],
            registry=registry,
        )  # fmt: skip
        self._degraded = Counter(
            f"{_PREFIX}_degraded", "Stages that gave less than they should have.",
            ["stage", "reason"], registry=registry,
        )  # fmt: skip
        self._nulls = Counter(
            f"{_PREFIX}_feature_nulls",
            "Share of the candidates without a value, summed over sampled rankings.", ["feature"],
            registry=registry,
        )  # fmt: skip
        self._sampled = Counter(
            f"{_PREFIX}_feature_samples", "Rankings whose missing features were counted.",
            registry=registry,
        )  # fmt: skip
        self._events = Counter(
            f"{_PREFIX}_events", "Rows of events, by what became of them.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._rankings = 0

    def begin(self) -> None:
        """Note that a request begins."""
        g.begun_s = time.perf_counter()
        self._in_flight.inc()

    def end(self, response: Response) -> Response:
        """Count a response that is about to be sent."""
        endpoint = request.url_rule.rule if request.url_rule else "none"
        # a method that no address has is the caller's own word
        method = request.method if request.url_rule else "none"
        self._requests.labels(endpoint, method, response.status_code).inc()
        self._request_s.labels(endpoint).observe(time.perf_counter() - g.begun_s)
        return response

    def gone(self, _: BaseException | None) -> None:
        """Note that a request is over, however it ended."""
        if "begun_s" in g:
            self._in_flight.dec()

    def answered(
        self, timings_ms: Mapping[str, float], basis: str | None, degraded: Iterable[Degraded]
    ) -> None:
        """Count an answer: its stages' times, and which of them gave less than they should."""
        for stage, ms in timings_ms.items():
            self._stage_s.labels(stage).observe(ms / 1000)
        self._answers.labels(basis or "none").inc()
        for part in degraded:
            self._degraded.labels(part.stage.partition(".")[0], reason_class(part.reason)).inc()

    def wants_features(self) -> bool:
        """Return whether the next ranking is one whose missing features are counted."""
        self._rankings += 1
        return self._rankings % FEATURES_EVERY == 1

    def ranked(self, ranking: Ranking) -> None:
        """Count the missing features of a ranking."""
        table = ranking.table
        if table is None or not len(table):
            return
        shares = np.isnan(table.X).mean(axis=0)
        for column in np.flatnonzero(shares).tolist():
            self._nulls.labels(table.names[column]).inc(float(shares[column]))
        self._sampled.inc()

    def told(self, outcomes: Mapping[str, int]) -> None:
        """Count rows of events: accepted, new, ignored, refused."""
        for outcome, rows in outcomes.items():
            if rows:
                self._events.labels(outcome).inc(rows)


def measure(app: Flask) -> None:
    """Count every request of an application; to be called before others look at requests."""
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    found = Metrics(registry)
    app.extensions["search_rerank_metrics"] = found
    app.extensions["search_rerank_registry"] = registry
    app.before_request(found.begin)
    app.after_request(found.end)
    app.teardown_request(found.gone)


def metrics() -> Metrics:
    """Return the metrics of the application that handles this request."""
    found: Metrics = current_app.extensions["search_rerank_metrics"]
    return found
