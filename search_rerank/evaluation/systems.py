"""Many systems against one baseline: differences, corrected p-values, wins and losses."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError, nearest
from search_rerank.evaluation.compare import ASSIGNMENTS, SAMPLES, Comparison, differences
from search_rerank.evaluation.correction import corrected
from search_rerank.evaluation.power import detectable_columns
from search_rerank.evaluation.resampling import Clusters, bootstrap_intervals


@dataclass(frozen=True)
class Standing:
    """One system beside the baseline.

    Parameters
    ----------
    system
        Its name.
    mean, ci95
        Of its own values, the interval by the bootstrap.
    queries
        How many there are.
    difference
        Its mean minus the baseline's, with interval and p; None for the baseline itself.
    corrected_p
        p corrected for the number of systems; None for the baseline.
    detectable
        The smallest difference to the baseline that would be found with a power of 80 % at the
        level of 5 %, without correction; None for the baseline.
    wins, losses, ties
        Queries on which it is better, worse, or as good as the baseline within the threshold.
    """

    system: str
    mean: float
    ci95: tuple[float, float]
    queries: int
    difference: Comparison | None = None
    corrected_p: float | None = None
    detectable: float | None = None
    wins: int = 0
    losses: int = 0
    ties: int = 0


def against_baseline(
    values: Mapping[str, NDArray[np.floating]],
    baseline: str,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    correction: str = "holm",
    threshold: float = 0.0,
    n: int = ASSIGNMENTS,
) -> list[Standing]:
    """Compare every system with the baseline on the same queries.

    Parameters
    ----------
    values
        System to one value a query, (q,) each, in the same order.
    baseline
        One of the systems.
    rng
        Source of the draws, which all systems share.
    clusters
        Whose each query is.
    correction
        One of `search_rerank.evaluation.correction.CORRECTIONS`.
    threshold
        A difference on a query as small as this is a tie.
    n
        Assignments of signs drawn by the randomisation test.

    Returns
    -------
    list of Standing
        One a system, in the order of `values`, the baseline included.

    Raises
    ------
    ConfigError
        On a baseline or a correction that is not known.
    ValueError
        Where the systems have not as many values, or one is not finite.
    """
    columns = stacked(values, baseline)
    whose = Clusters.numbered(clusters, len(columns))
    sums = whose.sums(columns)
    intervals = bootstrap_intervals(sums, whose.sizes, rng, SAMPLES, 0.95).tolist()
    names = list(values)
    own = [
        Standing(name, mean, (low, high), len(columns))
        for name, mean, (low, high) in zip(
            names, columns.mean(axis=0).tolist(), intervals, strict=True
        )
    ]
    others = [place for place, name in enumerate(names) if name != baseline]
    if not others:
        return own
    minus = columns[:, others] - columns[:, [names.index(baseline)]]
    found = differences(minus, whose, rng, n)
    adjusted = corrected([one.p for one in found], correction)
    least = detectable_columns(minus, whose).tolist() if len(whose) > 1 else [None] * len(others)
    wins, losses = (minus > threshold).sum(axis=0), (minus < -threshold).sum(axis=0)
    for column, place in enumerate(others):
        own[place] = Standing(
            system=own[place].system,
            mean=own[place].mean,
            ci95=own[place].ci95,
            queries=len(columns),
            difference=found[column],
            corrected_p=adjusted[column],
            detectable=least[column],
            wins=int(wins[column]),
            losses=int(losses[column]),
            ties=len(columns) - int(wins[column]) - int(losses[column]),
        )
    return own


def stacked(values: Mapping[str, NDArray[np.floating]], baseline: str) -> NDArray[np.float64]:
    """Return the systems' values side by side, float64 (q, s), having checked that they fit."""
    if baseline not in values:
        raise ConfigError(f"unknown baseline {baseline!r}{nearest(baseline, values)}")
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected as many values of every system, found {lengths}")
    return np.column_stack([np.asarray(one, dtype=np.float64) for one in values.values()])
