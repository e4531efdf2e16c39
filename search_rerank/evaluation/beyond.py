"""Measures of what lists show beyond what was taken, typed as `coverage@10`, `novelty@10`.

Lists are int32 (q, depth): item numbers of the catalogue by place, -1 past the end of a list and
for an item that the catalogue does not hold. A list that shows nothing the measure can speak of
has NaN, and a mean leaves it out; no list has NaN turned into 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.errors import ConfigError, nearest
from search_rerank.evaluation.diversity import category_diversity, diversity
from search_rerank.evaluation.exposure import item_exposure

_TYPED = re.compile(r"([A-Za-z_]+)@([1-9][0-9]{0,8})")
Lists = NDArray[np.integer]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Shelf:
    """What is known of the items when the lists are made.

    Parameters
    ----------
    interactions
        int64 (n,), interactions with each item of the catalogue before the cut.
    vectors
        float32 (n, d) unit rows, a row of zeros or d = 0 where nothing is known.
    category
        int32 (n, depth), levels of the category path, -1 past its end.
    """

    interactions: NDArray[np.int64]
    vectors: NDArray[np.float32]
    category: NDArray[np.int32]

    @classmethod
    def before(cls, cut_ms: int, catalogue: Catalogue, events: Events) -> Shelf:
        """Return what the log told of a catalogue's items before a time."""
        past = events.item[events.time_ms < cut_ms]
        counts = np.bincount(past, minlength=len(catalogue)).astype(np.int64)
        return cls(counts, catalogue.vectors, catalogue.category)

    def __len__(self) -> int:
        return len(self.interactions)

    @property
    def new(self) -> NDArray[np.bool_]:
        """The items nobody had taken before, bool (n,)."""
        return np.equal(self.interactions, 0)


@dataclass(frozen=True)
class ListMeasure:
    """One property of lists with its cutoff; `str` gives the name as typed.

    Parameters
    ----------
    name
        One of `PER_LIST` or `WHOLE`.
    k
        Only the first k places count.

    Raises
    ------
    ConfigError
        Where there is no such measure.
    """

    name: str
    k: int

    def __post_init__(self) -> None:
        known = (*PER_LIST, *WHOLE)
        if self.name not in known:
            raise ConfigError(f"unknown measure {self.name!r}{nearest(self.name, known)}")
        if self.k < 1:
            raise ConfigError(f"measure {self.name!r}: expected a cutoff above 0, found {self.k}")

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"

    @property
    def per_list(self) -> bool:
        """Whether each list has a value; otherwise all lists together have one."""
        return self.name in PER_LIST

    def values(self, lists: Lists, shelf: Shelf) -> Values:
        """Return one value a list, float64 (q,), NaN where the list has none.

        Raises
        ------
        ValueError
            Where only all lists together have a value, or a number is not one of the shelf's.
        """
        if not self.per_list:
            raise ValueError(f"{self}: expected a measure of single lists, such as {_SOME}")
        return PER_LIST[self.name](_first(lists, shelf, self.k), shelf)

    def value(self, lists: Lists, shelf: Shelf) -> float:
        """Return the mean over the lists that have a value, or the value of all lists together.

        NaN where there is none.
        """
        if not self.per_list:
            return WHOLE[self.name](_first(lists, shelf, self.k), shelf)
        values = self.values(lists, shelf)
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else np.nan


def parse_list_measure(text: str) -> ListMeasure:
    """Return the measure typed as `coverage@10`.

    Raises
    ------
    ConfigError
        On another name, naming the nearest, or without a cutoff that is a whole number above 0.
    """
    typed = _TYPED.fullmatch(text)
    if typed is None:
        raise ConfigError(
            f"measure {text!r}: expected a name and a cutoff above 0, such as {_SOME}"
        )
    return ListMeasure(typed[1], int(typed[2]))


def coverage(lists: Lists, shelf: Shelf) -> float:
    """Return the share of the catalogue that at least one list shows."""
    return len(np.unique(lists[lists >= 0])) / len(shelf) if len(shelf) else np.nan


def gini(lists: Lists, shelf: Shelf) -> float:
    """Return how unequally the catalogue's items are exposed: 0 alike, towards 1 all to one.

    An item's exposure is the sum of its places' worth (`search_rerank.evaluation.exposure`); items
    never shown have 0. NaN where nothing is shown.
    """
    exposure = np.sort(item_exposure(lists, len(shelf)))
    n, total = len(exposure), exposure.sum()
    if total == 0:
        return np.nan
    return float((2 * np.arange(1, n + 1) - n - 1) @ exposure / (n * total))


def novelty(lists: Lists, shelf: Shelf) -> Values:
    """Return the mean self-information of the items in bits (Zhou et al., 2010), 0 or more.

    It is ``-log2`` of an item's share of the interactions before the cut, each item counted once
    more than it was, so that one never taken is very novel and not infinitely.
    """
    counts = shelf.interactions + 1.0
    return _mean_shown(lists, -np.log2(counts / counts.sum()))


def new_items(lists: Lists, shelf: Shelf) -> Values:
    """Return the share of the items shown that nobody had taken before the cut."""
    return _mean_shown(lists, shelf.new.astype(np.float64))


PER_LIST: Mapping[str, Callable[[Lists, Shelf], Values]] = {
    "diversity": lambda lists, shelf: diversity(lists, shelf.vectors),
    "category_diversity": lambda lists, shelf: category_diversity(lists, shelf.category),
    "novelty": novelty,
    "new_items": new_items,
}
"""Name to a formula with one value a list, which intervals and paired tests can be made of."""
WHOLE: Mapping[str, Callable[[Lists, Shelf], float]] = {"coverage": coverage, "gini": gini}
"""Name to a formula with one value for all lists together."""
_SOME = "novelty@10"


def _first(lists: Lists, shelf: Shelf, k: int) -> Lists:
    if lists.ndim != 2 or k > lists.shape[1]:
        raise ValueError(
            f"expected lists of shape (q, {k}) or deeper, found {lists.shape}: keep more places, "
            "or lower the cutoff"
        )
    first = lists[:, :k]
    if first.size and (first.min() < -1 or first.max() >= len(shelf)):
        raise ValueError(
            f"expected item numbers from -1 to {len(shelf) - 1}, found {first.min()} to "
            f"{first.max()}: lists and shelf are of different catalogues"
        )
    return first


def _mean_shown(lists: Lists, of_item: Values) -> Values:
    """Return the mean of a value of the items of each list, NaN for a list without any."""
    there = lists >= 0
    if not there.any():
        return np.full(len(lists), np.nan)
    n = there.sum(axis=1)
    total = np.where(there, of_item[lists], 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
