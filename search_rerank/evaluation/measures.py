"""Measures of ranked lists as values that print as they are typed: `nDCG@10`, `MRR`, `HR@10`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError, nearest

_TYPED = re.compile(r"([A-Za-z_]+)(?:@([1-9][0-9]{0,8}))?")


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
            For each group the gains of relevant items that are not among its rows.

        Raises
        ------
        ValueError
            Where the lengths do not fit together or a gain is not finite.
        """
        sizes = np.diff(offsets)
        n, n_groups = int(offsets[-1]), len(sizes)
        if not len(gains) == len(scores) == len(ties) == n or offsets[0] != 0 or (sizes < 0).any():
            raise ValueError(
                f"expected {n} gains, scores and ties for offsets rising from 0, found "
                f"{len(gains)}, {len(scores)} and {len(ties)}"
            )
        if missed is not None and len(missed) != n_groups:
            raise ValueError(f"expected missed gains of {n_groups} groups, found {len(missed)}")
        groups = np.repeat(np.arange(n_groups), sizes)
        order = np.lexsort((ties, -scores, groups))  # lexsort puts NaN last
        place = np.arange(n) - np.repeat(offsets[:-1], sizes)
        ordered = np.asarray(gains, dtype=np.float64)[order]
        relevant = ordered > 0
        group, gain = groups[relevant], ordered[relevant]
        lists = [] if missed is None else missed
        lost = np.array([value for row in lists for value in row], dtype=np.float64)
        lost_group = np.repeat(np.arange(len(lists)), [len(row) for row in lists]).astype(np.int64)
        if not (np.isfinite(ordered).all() and np.isfinite(lost).all()):
            raise ValueError("expected finite gains, found NaN or infinity")
        all_group = np.concatenate([group, lost_group[lost > 0]])
        all_gain = np.concatenate([gain, lost[lost > 0]])
        best = np.lexsort((-all_gain, all_group))
        ideal_group = all_group[best]
        return cls(
            n_groups=n_groups,
            group=group,
            place=place[relevant],
            gain=gain,
            ideal_group=ideal_group,
            ideal_place=_count_before(ideal_group),
            ideal_gain=all_gain[best],
        )


@dataclass(frozen=True)
class Measure:
    """One formula with its cutoff; `str` gives the name as typed.

    Parameters
    ----------
    name
        One of `KINDS`.
    k
        Only the first k places count; None for all.
    """

    name: str
    k: int | None = None

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"

    def values(self, grouped: Grouped) -> NDArray[np.float64]:
        """Return one value a group, float64 (g,), 0 to 1.

        A group without rows, and one without anything relevant, has 0: every judged query counts.
        """
        return KINDS[self.name](grouped, np.inf if self.k is None else self.k)


def parse_measure(text: str) -> Measure:
    """Return the measure typed as `nDCG@10` or `MRR`.

    Raises
    ------
    ConfigError
        On another name, naming the nearest, a cutoff that is not a whole number above 0, or none
        where the measure needs one.
    """
    typed = _TYPED.fullmatch(text)
    if typed is None:
        raise ConfigError(
            f"measure {text!r}: expected a name and a cutoff above 0, such as nDCG@10"
        )
    name, k = typed.groups()
    if name not in KINDS:
        raise ConfigError(f"unknown measure {name!r}{nearest(name, KINDS)}")
    if k is None and name in _NEED_K:
        raise ConfigError(f"measure {name!r}: expected a cutoff, such as {name}@10")
    return Measure(name, None if k is None else int(k))


def _sums(
    grouped: Grouped, group: NDArray[np.int64], weights: NDArray[np.float64] | NDArray[np.bool_]
) -> NDArray[np.float64]:
    return np.bincount(group, weights=weights, minlength=grouped.n_groups).astype(np.float64)


def _count_before(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many earlier rows each row's group has; `group` ascends."""
    return np.arange(len(group)) - np.searchsorted(group, group, side="left")


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    # Sums of the same terms in another order may differ in the last bit; 1 is the most.
    return np.minimum(part / np.where(whole > 0, whole, 1.0), 1.0)


def _ndcg(grouped: Grouped, k: float) -> NDArray[np.float64]:
    """Järvelin and Kekäläinen (2002): gain over log2(place + 2), as a share of the ideal's."""

    def dcg(
        group: NDArray[np.int64], place: NDArray[np.int64], gain: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return _sums(grouped, group, np.where(place < k, gain / np.log2(place + 2.0), 0.0))

    found = dcg(grouped.group, grouped.place, grouped.gain)
    return _share(found, dcg(grouped.ideal_group, grouped.ideal_place, grouped.ideal_gain))


def _ndcg_exp(grouped: Grouped, k: float) -> NDArray[np.float64]:
    """Return nDCG of ``2^gain - 1`` (Burges et al., 2005)."""
    changed = {name: np.exp2(getattr(grouped, name)) - 1.0 for name in ("gain", "ideal_gain")}
    return _ndcg(Grouped(**{**vars(grouped), **changed}), k)


def _mrr(grouped: Grouped, k: float) -> NDArray[np.float64]:
    """One over the place, counted from 1, of the first relevant row."""
    values = np.zeros(grouped.n_groups)
    shares = np.where(grouped.place < k, 1.0 / (grouped.place + 1.0), 0.0)
    np.maximum.at(values, grouped.group, shares)
    return values


def _hits(grouped: Grouped, k: float) -> NDArray[np.float64]:
    return _sums(grouped, grouped.group, grouped.place < k)


def _relevant(grouped: Grouped) -> NDArray[np.float64]:
    return _sums(grouped, grouped.ideal_group, np.ones(len(grouped.ideal_group)))


def _ap(grouped: Grouped, k: float) -> NDArray[np.float64]:
    """Precision at each relevant row, over all that is relevant."""
    precision = (_count_before(grouped.group) + 1.0) / (grouped.place + 1.0)
    found = _sums(grouped, grouped.group, np.where(grouped.place < k, precision, 0.0))
    return _share(found, _relevant(grouped))


KINDS: Mapping[str, Callable[[Grouped, float], NDArray[np.float64]]] = {
    "nDCG": _ndcg,
    "nDCG_exp": _ndcg_exp,
    "MRR": _mrr,
    "HR": lambda grouped, k: np.minimum(_hits(grouped, k), 1.0),
    "recall": lambda grouped, k: _share(_hits(grouped, k), _relevant(grouped)),
    "AP": _ap,
    "P": lambda grouped, k: _hits(grouped, k) / k,
}
"""Name to formula. The gain of nDCG is linear, that of nDCG_exp is 2^gain - 1."""
_NEED_K = ("HR", "recall", "P")
