"""The gate, top to bottom: held-out queries against the live bundle, then the budgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from search_rerank.bundle import Bundle
from search_rerank.errors import BundleError
from search_rerank.gate.budget import latency, size
from search_rerank.gate.decision import Decision, Finding
from search_rerank.gate.quality import judge, measure
from search_rerank.state.memory import MemoryState
from search_rerank.training import Progress, Shop, as_of, cuts, quiet, spread, tasks

_FAVOURED = "; the live bundle has learnt from queries after this cut, which favours it"


def decide(
    shop: Shop,
    new: Bundle,
    live: Bundle | BundleError | None,
    bundles: Path,
    progress: Progress = quiet,
    clock: Callable[[], float] = perf_counter,
) -> Decision:
    """Return whether a new bundle may follow the live one, and why.

    Parameters
    ----------
    shop
        The data that the new bundle has learnt from.
    live
        The live bundle; None where there is none, its error where it cannot be read: either way
        there is nothing that could be better.
    bundles
        Where bundles lie, to write this one aside and see how large it is.
    progress
        Told how far it has come.
    clock
        Times requests, in seconds.
    """
    config = shop.config
    settings, seed = config.gate, config.training.seed
    cut = cuts(shop.events, config.training)
    with as_of(shop, cut.test) as replay:
        window = list(tasks(shop, cut.test, cut.end).values())
        occasions = spread(window[-1], config.training.max_test_rankings)  # what searches, if any
        if isinstance(live, Bundle) and occasions:
            try:
                held_out = measure(shop, replay, new, live, occasions, cut.test, progress)
                findings = [judge(held_out, settings, seed)]
                if live.learnt is not None and live.learnt.knows_after(cut.test):
                    findings = [replace(findings[0], reason=findings[0].reason + _FAVOURED)]
            except BundleError as error:
                findings = [_without(error)]
        elif isinstance(live, Bundle):
            reason = "expected queries with an interaction after the test cut, found none"
            findings = [Finding("quality", False, reason, {"queries": 0})]
        else:
            findings = [_without(live)]
        if occasions:
            state = MemoryState(config.training.gains)
            state.append(shop.events.before(cut.test).log)
            late = replay.builder.late
            findings.append(latency(new, replay.retriever, state, occasions, settings, clock, late))
    findings.append(size(new, bundles, settings))
    return Decision(findings, live.version if isinstance(live, Bundle) else None, settings)


def _without(error: BundleError | None) -> Finding:
    """Return the finding where there is no live bundle that could rank."""
    if error is None:
        return Finding("quality", True, "there is no live bundle to compare with")
    return Finding("quality", True, f"the live bundle cannot rank any more: {error}")
