"""Parts of the queries on which systems may differ: rare ones, new shoppers, categories, length.

Each function returns slices by one trait. A query may be in several slices of the same trait (the
categories of two things taken) and in none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN
from search_rerank.evaluation.past import (
    history_lengths,
    item_demand,
    query_frequency,
    searches_per_text,
)
from search_rerank.occasions import Occasion

HISTORY = (0, 1, 5, 20)
"""Where the buckets of history length begin."""
WORDS = (1, 2, 3, 4)
"""Where the buckets of query length begin; browsing, without a word, is apart."""
CATEGORIES = 8
"""Categories that are slices of their own, those with the most queries."""


@dataclass(frozen=True)
class Slice:
    """Some of the queries.

    Parameters
    ----------
    by
        The trait: `demand`, `history`, `category`, `words` or `items`.
    name
        Which part, such as `head` or `1 to 4`.
    mask
        bool (q,), True for its queries.
    """

    by: str
    name: str
    mask: NDArray[np.bool_]

    def __str__(self) -> str:
        return f"{self.by}: {self.name}"

    def __len__(self) -> int:
        return int(self.mask.sum())


def slices(
    occasions: Sequence[Occasion],
    catalogue: Catalogue,
    events: Events,
    cut_ms: int,
    live: bool = False,
    history: NDArray[np.integer] | None = None,
    query_items: Mapping[str, Sequence[str]] | None = None,
) -> list[Slice]:
    """Return the slices by every trait, without those that are empty or hold all queries.

    Parameters
    ----------
    occasions
        The q queries.
    catalogue
        Where items are looked up.
    events
        The whole log; only what lies before the cut is read, but for `live`.
    cut_ms
        What scorers were fitted before.
    live
        Whether a shopper's history is that before the query, not that before the cut.
    history
        int (q,), interactions of each shopper, where they are counted already.
    query_items
        Item ids that belong to each text, where a protocol says so (`Dataset.query_items`): a
        query's demand is then that for its items, as such a log holds no searches.
    """
    if history is None:
        history = history_lengths(occasions, events, cut_ms, live)
    if query_items is None:
        frequency = query_frequency(occasions, events, cut_ms)
        searches = searches_per_text(events, cut_ms)
    else:
        demand = item_demand(query_items, events, cut_ms)
        frequency = np.array([demand.get(one.query.text, 0) for one in occasions], dtype=np.int64)
        searches = np.array(list(demand.values()), dtype=np.int64)
    past = events.before(cut_ms)
    interactions = np.bincount(past.item, minlength=len(catalogue))
    found = [
        *by_demand(frequency, searches),
        *by_history(history),
        *by_category(occasions, catalogue),
        *by_words(occasions),
        *by_newness(occasions, catalogue, interactions),
    ]
    return [one for one in found if 0 < len(one) < len(occasions)]


def by_demand(frequency: NDArray[np.integer], searches: NDArray[np.integer]) -> list[Slice]:
    """Return `head`, `torso`, `tail` and `new` queries by how often their text was asked before.

    The head is the few texts that make up the first third of all searches, the tail the many that
    make up the last third (Baeza-Yates et al., 2007), those of one frequency always together, by
    the middle of their share. A text never asked before is `new`.

    Parameters
    ----------
    frequency
        int (q,), searches for each query's text before the cut.
    searches
        int (t,), searches for each text before the cut.
    """
    levels, texts = np.unique(searches[searches > 0], return_counts=True)
    total = levels * texts
    # For each frequency the share of searches for texts asked more often, half its own included.
    above = (total[::-1].cumsum()[::-1] - total / 2) / max(total.sum(), 1)
    middle = np.interp(frequency, levels, above) if len(levels) else np.ones(len(frequency))
    asked = frequency > 0
    return [
        Slice("demand", "head", asked & (middle <= 1 / 3)),
        Slice("demand", "torso", asked & (middle > 1 / 3) & (middle <= 2 / 3)),
        Slice("demand", "tail", asked & (middle > 2 / 3)),
        Slice("demand", "new", ~asked),
    ]


def by_history(lengths: NDArray[np.integer], starts: Sequence[int] = HISTORY) -> list[Slice]:
    """Return slices of shoppers from cold to warm by the length of their history, int (q,)."""
    return _buckets("history", lengths, starts)


def by_words(occasions: Sequence[Occasion], starts: Sequence[int] = WORDS) -> list[Slice]:
    """Return slices by the number of words of the query."""
    words = np.array([len(one.query.text.split()) for one in occasions], dtype=np.int64)
    return _buckets("words", words, (0, *starts))


def by_category(
    occasions: Sequence[Occasion], catalogue: Catalogue, most: int = CATEGORIES
) -> list[Slice]:
    """Return slices by the category of what was taken, largest first, the small ones as `other`.

    The category is that on the first level of the catalogue that has several; of a query after
    which things of two categories were taken both slices hold it, and one without any is in none.
    """
    query, item = _taken(occasions, catalogue)
    category = np.append(catalogue.department, UNKNOWN)[item]  # -1, of no item, is the last
    pairs = np.unique(np.column_stack([category, query])[category >= 0], axis=0)
    numbers, counts = np.unique(pairs[:, 0], return_counts=True)
    large = numbers[np.argsort(-counts, kind="stable")][:most]

    def holding(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        mask = np.zeros(len(occasions), dtype=bool)
        mask[pairs[rows, 1]] = True
        return mask

    named = [
        Slice("category", catalogue.categories[number], holding(pairs[:, 0] == number))
        for number in large.tolist()
    ]
    return [*named, Slice("category", "other", holding(~np.isin(pairs[:, 0], large)))]


def by_newness(
    occasions: Sequence[Occasion], catalogue: Catalogue, interactions: NDArray[np.integer]
) -> list[Slice]:
    """Return queries after which an item was taken that nobody took before the cut, and the rest.

    Parameters
    ----------
    interactions
        int (n,), interactions with each item of the catalogue before the cut. An item that the
        catalogue does not hold is new.
    """
    query, item = _taken(occasions, catalogue)
    fresh = np.append(interactions, 0)[item] == 0  # -1, of no item, is the last
    new = np.zeros(len(occasions), dtype=bool)
    new[query[fresh]] = True
    return [Slice("items", "new", new), Slice("items", "known", ~new)]


def _taken(
    occasions: Sequence[Occasion], catalogue: Catalogue
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return query and item number of everything taken, (t,) each; the item -1 if not held."""
    counts = [len(one.gains) for one in occasions]
    query = np.repeat(np.arange(len(occasions)), counts).astype(np.int64)
    return query, catalogue.ids.numbers(id_ for one in occasions for id_ in one.gains)


def _buckets(by: str, values: NDArray[np.integer], starts: Sequence[int]) -> list[Slice]:
    ends = [*starts[1:], None]
    found = []
    for start, end in zip(starts, ends, strict=True):
        inside = values >= start if end is None else (values >= start) & (values < end)
        name = f"{start} or more" if end is None else f"{start} to {end - 1}"
        found.append(Slice(by, str(start) if end == start + 1 else name, inside))
    return found
