"""Whether weights can carry an estimate: how few rows count, and whether they add up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from search_rerank.experiments.clustered import (
    Interval,
    by_cluster,
    influence_interval,
    numbered,
    ratio_influence,
)
from search_rerank.experiments.logged import Logged, Target

LEAST_SHARE, LEAST_ROWS = 0.01, 1000
"""Effective rows, as a share and in number, below which the normal interval is not to be trusted.

A rule of thumb, from `python -m benchmarks.counterfactual`.
"""


@dataclass(frozen=True)
class Diagnostics:
    """What to look at before an estimate.

    Parameters
    ----------
    rows
        Shown rows with a weight above 0 that could have one.
    effective
        Rows of equal weight that would vary as little: ``sum(w) ** 2 / sum(w ** 2)`` (Kish 1965).
    largest
        The largest weight.
    clipped
        Share of the rows whose weight was cut.
    lost
        Share of the new ranker's looks that clipping took: the estimate is too low by about it,
        for IPS; SNIPS and DR fill it in with the mean rate and with the prediction.
    mean
        Looks that the weights give over looks that the new ranker gets, before clipping: 1 where
        the weights are right, with its interval.
    warnings
        What is wrong, in words; empty where nothing is.
    """

    rows: int
    effective: float
    largest: float
    clipped: float
    lost: float
    mean: Interval
    warnings: tuple[str, ...]


def clip(target: Target, most: float) -> Target:
    """Cut weights at a largest one: less variance, and a bias towards 0 (see `Diagnostics.lost`).

    Ionides (2008).
    """
    return replace(target, weight=np.minimum(target.weight, most))


def diagnose(logged: Logged, target: Target, most: float | None = None) -> Diagnostics:
    """Look at weights before they are clipped.

    Parameters
    ----------
    target
        With the weights as they are.
    most
        The largest weight that `clip` leaves; None where it is not used.
    """
    whole = target.weight
    cut = whole if most is None else np.minimum(whole, most)
    looks = float((whole * target.looked).sum())
    effective = float(cut.sum() ** 2 / (cut**2).sum()) if cut.any() else 0.0
    shopper, m = numbered(logged.shopper)
    given = by_cluster(logged.per_ranking(whole * target.looked), shopper, m)
    wanted = by_cluster(target.attention, shopper, m)
    mean = influence_interval(*ratio_influence(given, wanted), level=0.999)
    found = Diagnostics(
        rows=len(whole),
        effective=effective,
        largest=float(cut.max()),
        clipped=float((cut < whole).mean()),
        lost=1 - float((cut * target.looked).sum()) / looks if looks else 0.0,
        mean=mean,
        warnings=(),
    )
    return replace(found, warnings=tuple(_warnings(found)))


def _warnings(found: Diagnostics) -> list[str]:
    said = []
    if found.effective < max(LEAST_SHARE * found.rows, LEAST_ROWS):
        few = found.effective > found.rows / 2
        said.append(
            f"the weights leave {found.effective:.0f} effective rows of {found.rows}: "
            f"{'the log is small' if few else 'the new ranker is far from the log'}; "
            "take more of the log, or an experiment"
        )
    if not found.mean.low - 1e-9 <= 1 <= found.mean.high + 1e-9:
        said.append(
            f"the weights give {found.mean.value:.3f} of the looks that the new ranker gets, where "
            "1 is expected: the propensities are wrong, or it shows what the log never could"
        )
    if found.lost > 0.05:
        said.append(f"clipping takes {found.lost:.1%} of the looks: IPS is too low by about that")
    return said
