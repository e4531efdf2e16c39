"""Formulas of how well single lists are ordered, over all groups at once.

Each takes the ranked groups, a cutoff (infinity for none) and the measure's own parameter, and
returns one value a group, float64 (g,), 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError
from search_rerank.evaluation.grouped import Grouped, count_before

Values = NDArray[np.float64]
MAX_EXPONENT = 500.0
"""Largest gain of formulas that raise 2 to its power: their sums stay finite."""


@dataclass(frozen=True)
class Kind:
    """A formula, and what has to be typed to have it.

    Parameters
    ----------
    formula
        (groups, cutoff, parameter) to float64 (g,).
    needs_k
        Whether the cutoff must be there.
    parameter
        Name of its parameter, if it has one.
    default
        The parameter's value where none is typed.
    limits
        The parameter lies strictly between.
    """

    formula: Callable[[Grouped, float, float], Values]
    needs_k: bool = False
    parameter: str | None = None
    default: float = 0.0
    limits: tuple[float, float] = (0.0, MAX_EXPONENT)


def _sums(grouped: Grouped, group: NDArray[np.int64], weights: NDArray[np.generic]) -> Values:
    return np.bincount(group, weights=weights, minlength=grouped.n_groups).astype(np.float64)


def _share(part: Values, whole: Values) -> Values:
    # Sums of the same terms in another order may differ in the last bit; 1 is the most.
    return np.minimum(part / np.where(whole > 0, whole, 1.0), 1.0)


def _relevant(grouped: Grouped) -> Values:
    return _sums(grouped, grouped.ideal_group, np.ones(len(grouped.ideal_group)))


def _found(grouped: Grouped, k: float) -> Values:
    return _sums(grouped, grouped.group, grouped.place < k)


def _grown(gain: Values, most: float = MAX_EXPONENT) -> Values:
    """Return ``2^gain - 1``, exact for small gains too."""
    if len(gain) and gain.max() > most:
        raise ConfigError(
            f"expected gains to {most:g} where 2 is raised to their power, found {gain.max():g}: "
            "divide the gains by their unit, or state a larger maximum, as in ERR(max=5)@10"
        )
    return np.asarray(np.expm1(gain * np.log(2.0)), dtype=np.float64)


def ndcg(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """Gain over log2(place + 2), as a share of the ideal's (Järvelin and Kekäläinen, 2002)."""

    def dcg(group: NDArray[np.int64], place: NDArray[np.int64], gain: Values) -> Values:
        return _sums(grouped, group, np.where(place < k, gain / np.log2(place + 2.0), 0.0))

    found = dcg(grouped.group, grouped.place, grouped.gain)
    return _share(found, dcg(grouped.ideal_group, grouped.ideal_place, grouped.ideal_gain))


def ndcg_exp(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """Return nDCG of ``2^gain - 1`` (Burges et al., 2005)."""
    grown = replace(grouped, gain=_grown(grouped.gain), ideal_gain=_grown(grouped.ideal_gain))
    return ndcg(grown, k)


def err(grouped: Grouped, k: float, max_gain: float) -> Values:
    """Return the expected reciprocal rank (Chapelle et al., 2009).

    A shopper reads from the first place and is satisfied by a row with probability
    ``(2^gain - 1) / 2^max_gain``; the value is the mean of one over the place where they stop.
    """
    stops = _grown(grouped.gain, max_gain) / np.exp2(max_gain)
    first, counts = np.unique(grouped.group, return_index=True, return_counts=True)[1:]
    values, reads_on = np.zeros(grouped.n_groups), np.ones(grouped.n_groups)
    for nth in range(int(counts.max(initial=0))):  # the nth relevant row of all groups at once
        rows = first[counts > nth] + nth
        rows = rows[grouped.place[rows] < k]
        if len(rows) == 0:
            break
        group = grouped.group[rows]
        values[group] += reads_on[group] * stops[rows] / (grouped.place[rows] + 1.0)
        reads_on[group] *= 1.0 - stops[rows]
    return np.minimum(values, 1.0)


def rbp(grouped: Grouped, k: float, persistence: float) -> Values:
    """Return the rank-biased precision with two grades (Moffat and Zobel, 2008)."""
    shares = np.where(grouped.place < k, persistence**grouped.place, 0.0)
    return np.minimum((1 - persistence) * _sums(grouped, grouped.group, shares), 1.0)


def mrr(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """One over the place, counted from 1, of the first relevant row."""
    values = np.zeros(grouped.n_groups)
    shares = np.where(grouped.place < k, 1.0 / (grouped.place + 1.0), 0.0)
    np.maximum.at(values, grouped.group, shares)
    return values


def ap(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """Precision at each relevant row, over all that is relevant."""
    precision = (count_before(grouped.group) + 1.0) / (grouped.place + 1.0)
    found = _sums(grouped, grouped.group, np.where(grouped.place < k, precision, 0.0))
    return _share(found, _relevant(grouped))


def recall(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """Share of all that is relevant among the first k."""
    return _share(_found(grouped, k), _relevant(grouped))


def precision(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """Share of k places, filled or not, that hold something relevant."""
    return _found(grouped, k) / k


def hit(grouped: Grouped, k: float, _: float = 0.0) -> Values:
    """1 where something relevant is among the first k; also called success."""
    return np.minimum(_found(grouped, k), 1.0)


KINDS: Mapping[str, Kind] = {
    "nDCG": Kind(ndcg),
    "nDCG_exp": Kind(ndcg_exp),
    "ERR": Kind(err, parameter="max", default=4.0),
    "RBP": Kind(rbp, parameter="p", default=0.8, limits=(0.0, 1.0)),
    "MRR": Kind(mrr),
    "AP": Kind(ap),
    "recall": Kind(recall, needs_k=True),
    "P": Kind(precision, needs_k=True),
    "HR": Kind(hit, needs_k=True),
    "success": Kind(hit, needs_k=True),
}
"""Name to formula. The gain of nDCG is linear, that of nDCG_exp is 2^gain - 1."""
