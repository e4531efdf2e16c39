"""Every system on every slice of the queries, beside the baseline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.compare import ASSIGNMENTS, SAMPLES, Comparison, differences
from search_rerank.evaluation.correction import corrected
from search_rerank.evaluation.power import detectable_columns
from search_rerank.evaluation.resampling import Clusters, bootstrap_intervals
from search_rerank.evaluation.slices import Slice
from search_rerank.evaluation.systems import stacked


@dataclass(frozen=True)
class SliceRow:
    """One system on one slice.

    Parameters
    ----------
    by, name
        The slice's trait and part.
    system
        The system's name.
    queries, shoppers
        Queries of the slice, and clusters they fall into.
    mean, ci95
        Of the system's values, the interval by the bootstrap.
    difference
        Mean minus the baseline's, with interval and p; None for the baseline itself.
    corrected_p
        p corrected for all cells of the table; None for the baseline.
    detectable
        Smallest difference found with a power of 80 %; None for the baseline, and of one shopper.
    """

    by: str
    name: str
    system: str
    queries: int
    shoppers: int
    mean: float
    ci95: tuple[float, float]
    difference: Comparison | None = None
    corrected_p: float | None = None
    detectable: float | None = None


def slice_table(
    values: Mapping[str, NDArray[np.floating]],
    slices: Sequence[Slice],
    baseline: str,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    correction: str = "holm",
    n: int = ASSIGNMENTS,
) -> list[SliceRow]:
    """Return the rows of all systems on all slices, slice by slice.

    Parameters
    ----------
    values
        System to one value a query, (q,) each, in the same order.
    slices
        Masks over the same queries; an empty one has no rows.
    baseline
        One of the systems.
    rng
        Source of the draws, which all systems of a slice share.
    clusters
        Whose each query is.
    correction
        One of `search_rerank.evaluation.correction.CORRECTIONS`, over all cells of the table: who
        looks at forty cells finds two below 0.05 by chance.
    n
        Assignments of signs drawn for each slice.

    Raises
    ------
    ConfigError
        On a baseline or a correction that is not known.
    ValueError
        Where values, masks and clusters are not as many.
    """
    columns = stacked(values, baseline)
    whose = Clusters.numbered(clusters, len(columns))
    rows: list[SliceRow] = []
    for part in slices:
        if len(part.mask) != len(columns):
            raise ValueError(f"expected {len(columns)} queries in {part}, found {len(part.mask)}")
        if part.mask.any():
            inside = whose.where(part.mask)
            rows += _rows(part, list(values), columns[part.mask], baseline, inside, rng, n)
    found = [row.difference.p for row in rows if row.difference is not None]
    adjusted = iter(corrected(found, correction))
    return [
        row if row.difference is None else replace(row, corrected_p=next(adjusted)) for row in rows
    ]


def _rows(
    part: Slice,
    names: Sequence[str],
    columns: NDArray[np.float64],
    baseline: str,
    clusters: Clusters,
    rng: np.random.Generator,
    n: int,
) -> list[SliceRow]:
    sums = clusters.sums(columns)
    intervals = bootstrap_intervals(sums, clusters.sizes, rng, SAMPLES, 0.95).tolist()
    minus = columns - columns[:, [names.index(baseline)]]
    tests = differences(minus, clusters, rng, n)
    several = len(clusters) > 1
    least = detectable_columns(minus, clusters).tolist() if several else [None] * len(names)
    rows = []
    for place, name in enumerate(names):
        low, high = intervals[place]
        row = SliceRow(
            by=part.by,
            name=part.name,
            system=name,
            queries=len(columns),
            shoppers=len(clusters),
            mean=float(columns[:, place].mean()),
            ci95=(low, high),
        )
        if name != baseline:
            row = replace(row, difference=tests[place], detectable=least[place])
        rows.append(row)
    return rows
