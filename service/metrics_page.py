"""`/metrics`: what Prometheus reads, of all workers together, and what is looked up as it asks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app

from search_rerank.errors import SearchRerankError
from search_rerank.state.opening import state_path
from search_rerank.state.sqlite.segments import LOG
from search_rerank.workers import Worker, list_workers
from service.access import keyring
from service.condition import condition
from service.metrics_workers import FOLDER
from service.runtime import Runtime, runtime

if TYPE_CHECKING:
    from prometheus_client import Metric

blueprint = Blueprint("metrics_page", __name__)


@blueprint.get("/metrics")
def metrics_page() -> Response:
    """Return the numbers of all workers in the text format of Prometheus."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    looked_up = CollectorRegistry()
    looked_up.register(_LookedUp(runtime()))
    if os.environ.get(FOLDER):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    else:
        counted = current_app.extensions["search_rerank_registry"]
    text = generate_latest(counted) + generate_latest(looked_up)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _LookedUp:
    """What is true at this moment, not counted: bundles, items, sizes."""

    def __init__(self, run: Runtime) -> None:
        self._run = run

    def collect(self) -> Iterator[Metric]:
        """Yield what can be looked up now; what is away is left out."""
        from prometheus_client.core import GaugeMetricFamily

        workers = list_workers(self._run.config.home)
        using = GaugeMetricFamily(
            "search_rerank_bundle_workers", "Workers that rank with a bundle.", labels=["bundle"]
        )
        for bundle, n in Counter(worker.bundle for worker in workers).items():
            using.add_metric([bundle or "none"], n)
        yield using
        memory = _resident_bytes(workers)
        if memory is not None:
            yield GaugeMetricFamily(
                "search_rerank_resident_bytes", "Memory of all workers.", value=memory
            )
        if self._run.config.state.kind == "sqlite":
            size = _state_bytes(state_path(self._run.config))
            yield GaugeMetricFamily(
                "search_rerank_state_bytes", "Size of the state on disk.", value=size
            )
        wrong = GaugeMetricFamily(
            "search_rerank_impaired", "Parts that readyz names as degraded.", labels=["stage"]
        )
        stages = Counter(part.stage.partition(".")[0] for part in condition(self._run))
        for stage, n in stages.items():
            wrong.add_metric([stage], n)
        yield wrong
        with suppress(OSError):
            yield GaugeMetricFamily(
                "search_rerank_disk_free_bytes", "Room on the disk of the home folder.",
                value=disk_usage(self._run.config.home).free,
            )  # fmt: skip
        ring = keyring()
        if ring is not None:
            keys = GaugeMetricFamily(
                "search_rerank_keys", "Rows of the file of keys.", labels=["outcome"]
            )
            keys.add_metric(["known"], len(ring.keys()))
            keys.add_metric(["refused"], ring.refused)
            yield keys
        try:
            with self._run.pipeline() as pipeline:
                items = pipeline.engine.count()
        except SearchRerankError:
            return
        yield GaugeMetricFamily("search_rerank_items", "Items of the live index.", value=items)


def _resident_bytes(workers: list[Worker]) -> int | None:
    """Return the memory of processes, None where the system does not tell."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for worker in workers:
        try:
            total += int(Path(f"/proc/{worker.pid}/statm").read_text("ascii").split()[1]) * page
        except OSError:
            return None
    return total


def _state_bytes(path: Path) -> int:
    """Return the size of a state's file, those beside it, and the segments of its log."""
    total = 0
    for one in chain(path.parent.glob(f"{path.name}*"), (path.parent / LOG).glob("*")):
        try:
            total += one.stat().st_size
        except FileNotFoundError:  # put in another's place meanwhile
            continue
    return total
