"""What a bundle costs: the time that ranking takes, and its size on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from search_rerank.bundle import Bundle, save_bundle
from search_rerank.config import GateConfig
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.late import Late
from search_rerank.features.moment import read_moment
from search_rerank.gate.decision import Finding
from search_rerank.occasions import Occasion
from search_rerank.retriever import Retriever
from search_rerank.state.base import State
from search_rerank.training import spread

_ASIDE = ".writing-gate-"
"""Begins as a bundle's that is being written: what a killed process leaves is removed alike."""
_WARM = 3
"""Requests before the first that counts: libraries load and caches fill."""


def latency(
    bundle: Bundle,
    retriever: Retriever,
    state: State,
    occasions: Sequence[Occasion],
    settings: GateConfig,
    clock: Callable[[], float],
    late: Sequence[Late] = (),
) -> Finding:
    """Return whether features and fusion of a request are quick enough, by the median.

    Parameters
    ----------
    retriever
        Finds the candidates, whose time does not count.
    state
        What shoppers did; reading it does not count either.
    occasions
        Requests to time, spread evenly.
    clock
        Returns seconds from some moment on, as `time.perf_counter`.
    late
        Columns that a stage of the fusion may ask for.
    """
    builder = FeatureBuilder(bundle.catalogue, bundle.scorers, late, bundle.config.features.groups)
    training = bundle.config.training
    took = []
    for occasion in spread(occasions, settings.latency_requests + _WARM):
        query = occasion.query
        request = retriever.request(query, query.k)
        found = (
            retriever.retrieve(request)
            if occasion.asked is None
            else retriever.score(request, tuple(occasion.asked))
        )
        moment = read_moment(
            query, found, builder.catalogue, state, training.gains, training.history
        )
        start = clock()
        table, _ = builder.build(moment)
        bundle.ranker.fuse(table)
        took.append((clock() - start) * 1000)
    timed = took[_WARM:] or took
    p50 = median(timed)
    passed = p50 <= settings.latency_ms
    reason = (
        f"features and fusion took {p50:.2f} ms at the median of {len(timed)} requests, "
        f"{'within' if passed else 'above'} the {settings.latency_ms:g} ms of gate.latency_ms"
    )
    if not passed:
        reason += ": leave slow scorers out, or lower retrieval.k, training.trees or the "
        reason += "size of training.stages"
    return Finding("latency", passed, reason, {"p50_ms": p50, "requests": len(timed)})


def size(bundle: Bundle, folder: Path, settings: GateConfig) -> Finding:
    """Return whether a bundle is small enough; it is written under a folder, and removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=_ASIDE, dir=folder) as aside:
        save_bundle(bundle, Path(aside))
        taken = sum(file.stat().st_size for file in Path(aside).rglob("*") if file.is_file())
    mb = taken / 1e6
    passed = mb <= settings.size_mb
    reason = (
        f"{mb:.2f} MB on disk, {'within' if passed else 'above'} the {settings.size_mb:g} MB of "
        "gate.size_mb"
    )
    if not passed:
        reason += ": lower the dim of encoder and scorers, or leave scorers out"
    return Finding("size", passed, reason, {"mb": mb})
