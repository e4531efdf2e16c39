"""Ranked lists with their gains, and the one place that says what ties and gaps mean.

- **Relevant** is a row whose gain is above 0. What nobody judged has gain 0, as in trec_eval.
- **Ties**: of equal scores the row with the smaller tie key comes first. The caller says what the
  key is: the engine's rank, chance, or trec_eval's order (`search_rerank.evaluation.qrels`).
  Only the order counts from there on; no measure sees a score.
- **NaN** as a score is no opinion: such rows come last, after minus infinity, by their tie key.
- **Judged, but not retrieved** is a missed gain: it counts in the ideal order and in recall.
- **A query without results, and one without anything relevant,** counts, with 0.
- **A gain below 0** is refused: with it nDCG has no bounds. What does harm is worth 0 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MAX_GAIN = 1e100
"""Sums of larger gains could overflow."""
_ROWS = 1 << 15
"""Rows sorted at a time: what fits the processor's cache sorts several times faster."""


@dataclass(frozen=True)
class Grouped:
    """The relevant rows of ranked groups; a row is relevant when its gain is above 0.

    Parameters
    ----------
    n_groups
        Groups, those without rows or without anything relevant included.
    group, place, gain
        int64 (r,), int64 (r,), float64 (r,): the relevant rows by group and place, 0 the first.
    ideal_group, ideal_place, ideal_gain
        The same of the best order there is: all that is relevant, also what was not retrieved, by
        descending gain.
    """

    n_groups: int
    group: NDArray[np.int64]
    place: NDArray[np.int64]
    gain: NDArray[np.float64]
    ideal_group: NDArray[np.int64]
    ideal_place: NDArray[np.int64]
    ideal_gain: NDArray[np.float64]

    @classmethod
    def ranked(
        cls,
        gains: NDArray[np.floating],
        scores: NDArray[np.floating],
        ties: NDArray[np.integer],
        offsets: NDArray[np.integer],
        missed: Sequence[Sequence[float]] | None = None,
    ) -> Self:
        """Rank the rows of each group by descending score, NaN last.

        Parameters
        ----------
        gains, scores, ties
            (n,) each; of equal scores, and of NaN, the row with the smaller tie comes first.
        offsets
            (g + 1,): group j is the rows ``offsets[j]:offsets[j + 1]``.
        missed
            For each group the gains of judged items that are not among its rows.

        Raises
        ------
        ValueError
            Where the lengths do not fit together, or a gain is NaN, infinite or below 0.
        """
        order = ranking(scores, ties, offsets)
        n_groups, sizes = len(offsets) - 1, np.diff(offsets)
        if len(gains) != len(order):
            raise ValueError(f"expected {len(order)} gains, one a row, found {len(gains)}")
        if missed is not None and len(missed) != n_groups:
            raise ValueError(f"expected missed gains of {n_groups} groups, found {len(missed)}")
        lists = [] if missed is None else missed
        lost = np.array([value for row in lists for value in row], dtype=np.float64)
        lost_group = np.repeat(np.arange(len(lists)), [len(row) for row in lists]).astype(np.int64)
        ordered = np.asarray(gains, dtype=np.float64)[order]
        _check(ordered)
        _check(lost)
        relevant = np.flatnonzero(ordered > 0)
        group = np.searchsorted(offsets, relevant, side="right").astype(np.int64) - 1
        gain = ordered[relevant]
        all_group = np.concatenate([group, lost_group[lost > 0]])
        all_gain = np.concatenate([gain, lost[lost > 0]])
        best = np.lexsort((-all_gain, all_group))
        ideal_group = all_group[best]
        return cls(
            n_groups=len(sizes),
            group=group,
            place=relevant - np.asarray(offsets, dtype=np.int64)[group],
            gain=gain,
            ideal_group=ideal_group,
            ideal_place=count_before(ideal_group),
            ideal_gain=all_gain[best],
        )


def ranking(
    scores: NDArray[np.floating], ties: NDArray[np.integer], offsets: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the rows by group and descending score, NaN last, int64 (n,).

    Parameters
    ----------
    scores, ties
        (n,) each; of equal scores, and of NaN, the row with the smaller tie comes first.
    offsets
        (g + 1,): group j is the rows ``offsets[j]:offsets[j + 1]``, and so are its places in the
        order that is returned.

    Raises
    ------
    ValueError
        Where the lengths do not fit together.
    """
    n, sizes = int(offsets[-1]), np.diff(offsets)
    if not len(scores) == len(ties) == n or offsets[0] != 0 or (sizes < 0).any():
        raise ValueError(
            f"expected {n} scores and ties for offsets rising from 0, found {len(scores)} and "
            f"{len(ties)}"
        )
    order = np.empty(n, dtype=np.int64)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    first = 0
    while first < len(sizes):
        last = int(np.searchsorted(offsets, int(offsets[first]) + _ROWS, side="right")) - 1
        last = min(max(last, first + 1), len(sizes))
        rows = slice(int(offsets[first]), int(offsets[last]))
        # lexsort puts NaN last.
        order[rows] = rows.start + np.lexsort((ties[rows], -scores[rows], groups[rows]))
        first = last
    return order


def count_before(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many earlier rows each row's group has, int64 (n,); `group` ascends."""
    return np.arange(len(group)) - np.searchsorted(group, group, side="left")


def _check(gains: NDArray[np.float64]) -> None:
    if not np.isfinite(gains).all():
        raise ValueError("expected finite gains, found NaN or infinity: what is unjudged has 0")
    if len(gains) and (gains.min() < 0 or gains.max() > MAX_GAIN):
        raise ValueError(
            f"expected gains from 0 to {MAX_GAIN:g}, found {gains.min():g} to {gains.max():g}: "
            "give 0 to what is worthless or does harm, for no measure has bounds otherwise"
        )
