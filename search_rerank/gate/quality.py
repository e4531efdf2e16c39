"""Two bundles on the same held-out queries, and whether the new one is worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.bundle import Bundle
from search_rerank.config import GateConfig
from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.evaluation.power import detectable
from search_rerank.gate.decision import Finding
from search_rerank.occasions import Occasion
from search_rerank.replay import Replay, Replayed
from search_rerank.training import Progress, Shop, as_of, open_shop, quiet, replayed

MEASURE = "nDCG@10"


@dataclass(frozen=True)
class HeldOut:
    """Two bundles' nDCG@10 of each held-out query.

    Parameters
    ----------
    new, live
        float64 (q,) each, in the same order.
    shoppers
        Who asked each.
    """

    new: NDArray[np.float64]
    live: NDArray[np.float64]
    shoppers: Sequence[str]


def measure(
    shop: Shop,
    replay: Replay,
    new: Bundle,
    live: Bundle,
    occasions: Sequence[Occasion],
    cut_ms: int,
    progress: Progress = quiet,
) -> HeldOut:
    """Rank the held-out queries with both bundles' fusions.

    Each fusion sees scorers as its own bundle has them, fitted on what lies before the cut. Where
    the two are set up alike one replay serves both; else the live one gets its own.

    Parameters
    ----------
    shop
        The data, with the settings of the new bundle: its labels and its cut count for both.
    replay
        The new bundle's, as of the cut.

    Raises
    ------
    BundleError
        Where the live bundle was trained on features that this release does not compute.
    """
    if _alike(shop, new, live):
        ours, theirs = [], []
        for part in replayed(replay, shop, occasions, cut_ms, progress, "gate"):
            ours.append(_ndcg(part, new))
            theirs.append(_ndcg(part, live))
        return HeldOut(np.concatenate(ours), np.concatenate(theirs), _shoppers(occasions))
    parts = replayed(replay, shop, occasions, cut_ms, progress, "gate, new bundle")
    ours = [_ndcg(part, new) for part in parts]
    own = _own_shop(shop, live)
    k = own.config.retrieval.k
    asked = [replace(one, query=replace(one.query, k=k)) for one in occasions]
    with as_of(own, cut_ms) as other:
        parts = replayed(other, own, asked, cut_ms, progress, "gate, live bundle")
        theirs = [_ndcg(part, live) for part in parts]
    return HeldOut(np.concatenate(ours), np.concatenate(theirs), _shoppers(occasions))


def judge(held_out: HeldOut, settings: GateConfig, seed: int) -> Finding:
    """Return whether the new bundle may follow the live one.

    The paired randomisation test is put to the new bundle's values plus the margin: what it tells
    is whether more than the margin is lost, or less.
    """
    n = len(held_out.new)
    if n < settings.min_queries:
        reason = (
            f"expected at least {settings.min_queries} held-out queries (gate.min_queries), found "
            f"{n}: give a longer log, or a smaller training.test_quantile"
        )
        return Finding("quality", False, reason, {"queries": n})
    new, live, shoppers = held_out.new, held_out.live, held_out.shoppers
    test = paired_test(new, live, np.random.default_rng(seed), shoppers)
    shifted = paired_test(new + settings.margin, live, np.random.default_rng(seed), shoppers)
    told = shifted.p <= settings.alpha
    same = not np.any(new != live)
    harmed = told and shifted.mean < 0
    unharmed = same or (told and shifted.mean > 0)
    several = len(set(shoppers)) > 1
    least = detectable(new, live, shoppers, alpha=settings.alpha) if several else float("nan")
    figures = {
        "measure": MEASURE,
        "queries": n,
        "shoppers": len(set(shoppers)),
        "new": float(new.mean()),
        "live": float(live.mean()),
        "difference": test.mean,
        "ci95": test.ci95,
        "p": test.p,
        "p_of_margin": shifted.p,
        "margin": settings.margin,
        "smallest_detectable": least if several else None,
    }
    low, high = test.ci95
    found = (
        f"{MEASURE} {new.mean():.4f} against {live.mean():.4f} of the live bundle on {n:,} "
        f"held-out queries, difference {test.mean:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}], "
        f"p = {test.p:.4f}"
    )
    bound = f"the margin of {settings.margin:g} (p = {shifted.p:.4f})"
    if harmed:
        return Finding("quality", False, f"{found}; it loses more than {bound}", figures)
    if unharmed:
        less = "the lists are the same" if same else f"it does not lose more than {bound}"
        return Finding("quality", True, f"{found}; {less}", figures)
    unknown = (
        f"{found}; neither more nor less than {bound} is shown to be lost, and these queries show "
        f"no difference below {least:.4f}"
    )
    if settings.proof == "of_harm":
        return Finding("quality", True, f"{unknown}: not shown to be worse", figures)
    remedy = "not shown to be as good: give a longer log, or set gate.proof to of_harm"
    return Finding("quality", False, f"{unknown}: {remedy}", figures)


def _alike(shop: Shop, new: Bundle, live: Bundle) -> bool:
    """Return whether one replay gives both bundles the rows they would be served with."""
    ours, theirs = shop.config, live.config
    read = ("history", "gains", "live", "cross_encoder")
    return (
        tuple(new.features) == tuple(live.features)
        and shop.encoder.fingerprint == live.encoder.fingerprint
        and (ours.scorers, ours.retrieval, ours.features)
        == (theirs.scorers, theirs.retrieval, theirs.features)
        and all(getattr(ours.training, one) == getattr(theirs.training, one) for one in read)
    )


def _own_shop(shop: Shop, live: Bundle) -> Shop:
    """Return the data as the live bundle was set up to see them."""
    here = {name: getattr(shop.config, name) for name in ("home", "engine", "index", "load")}
    config = live.config.model_copy(update=here)
    return open_shop(shop.dataset, config, shop.engine, live.encoder, shop.cache)


def _ndcg(part: Replayed, bundle: Bundle) -> NDArray[np.float64]:
    table = part.table
    table.require(bundle.features)
    scores = bundle.ranker.fuse(table)
    ranked = Grouped.ranked(part.gains, scores, table.engine_rank, table.offsets, part.missed)
    return parse_measure(MEASURE).values(ranked)


def _shoppers(occasions: Sequence[Occasion]) -> list[str]:
    return [one.query.user or one.query.session or "" for one in occasions]
