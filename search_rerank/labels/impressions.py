"""What was shown where and whether it was taken, counted by query, item and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events

MOST = 500_000
"""Newest rankings that are read; more would tell little more, and cost memory."""
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Counts:
    """Impressions and clicks of each cell at each place that showed it.

    A cell is an item after a query in a period: what is as attractive wherever it stands.

    Parameters
    ----------
    cell, place
        int64 (e,) each, one entry for each place of a cell; cells ascend.
    query, item
        int64 (cells,) each, what the cell is of; -1 for a ranking without a query.
    n_places
        Places that are told apart.
    shown, clicks
        float64 (e,) each.
    """

    cell: NDArray[np.int64]
    place: NDArray[np.int64]
    query: NDArray[np.int64]
    item: NDArray[np.int64]
    n_places: int
    shown: NDArray[np.float64]
    clicks: NDArray[np.float64]

    @property
    def n_cells(self) -> int:
        """How many cells there are."""
        return len(self.item)

    def by_cell(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of an entry's values over each cell, float64 (cells,)."""
        return np.bincount(self.cell, weights=values, minlength=self.n_cells).astype(np.float64)

    def by_place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of an entry's values over each place, float64 (n_places,)."""
        return np.bincount(self.place, weights=values, minlength=self.n_places).astype(np.float64)


@dataclass(frozen=True)
class Impressions:
    """Every item of every ranking, ready to be counted under weights for the shoppers.

    Parameters
    ----------
    counts
        Of all impressions, each once.
    entry
        int64 (n,), the entry of `counts` that each impression belongs to.
    clicked
        bool (n,).
    shopper
        int64 (n,), who was shown it, from 0.
    rankings
        How many rankings the impressions are of.
    """

    counts: Counts
    entry: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    shopper: NDArray[np.int64]
    rankings: int

    def weighted(self, weights: NDArray[np.float64]) -> Counts:
        """Return the counts in which each shopper's impressions count so often, float64 (s,)."""
        of = weights[self.shopper]
        e = len(self.counts.cell)
        shown = np.bincount(self.entry, weights=of, minlength=e)
        clicks = np.bincount(self.entry[self.clicked], weights=of[self.clicked], minlength=e)
        whole = self.counts
        parts = (whole.cell, whole.place, whole.query, whole.item, whole.n_places)
        return Counts(*parts, shown.astype(np.float64), clicks.astype(np.float64))


def read_impressions(
    events: Events,
    gains: Mapping[str, float],
    end_ms: int,
    period_days: float,
    places: int,
    most: int = MOST,
) -> Impressions:
    """Return what the rankings before a time showed, and which of it was taken before that time.

    Parameters
    ----------
    events
        The whole log.
    gains
        An interaction of a type with a gain above 0 that names the ranking is a click.
    end_ms
        What came then or later is not looked at.
    period_days
        Length of a period, counted back from the end.
    places
        Places that are told apart; those below count as the last of them.
    most
        Rankings that are read, the newest.
    """
    log = events.rankings
    end = int(np.searchsorted(log.time_ms, end_ms, side="left"))
    part = slice(max(end - most, 0), end)
    first, last = int(log.offsets[part.start]), int(log.offsets[end])
    item = log.shown[first:last].astype(np.int64)
    ranking = np.repeat(np.arange(end - part.start), np.diff(log.offsets[part.start : end + 1]))
    place = np.minimum(log.place[first:last].astype(np.int64), places - 1)
    period = (end_ms - 1 - log.time_ms[part]) // max(int(period_days * _DAY_MS), 1)
    query = log.query[part].astype(np.int64)
    cells, cell = _numbered(period[ranking], query[ranking], item)
    entries, entry = _numbered(cell, place)
    shopper = _shoppers(events, part)
    counts = Counts(
        cell=cell[entries],
        place=place[entries],
        query=query[ranking[cells]],
        item=item[cells],
        n_places=places,
        shown=np.zeros(len(entries)),
        clicks=np.zeros(len(entries)),
    )
    clicked = _clicked(events, gains, end_ms, ranking + part.start, item)
    found = Impressions(counts, entry, clicked, shopper[ranking], len(shopper))
    return replace(found, counts=found.weighted(np.ones(int(shopper.max(initial=-1)) + 1)))


def _shoppers(events: Events, part: slice) -> NDArray[np.int64]:
    """Return who each ranking of a part was shown to, from 0; who is not known is one of a kind."""
    user, session = (
        column[part].astype(np.int64) for column in (events.rankings.user, events.rankings.session)
    )
    visitor = np.where(session >= 0, session, len(events.sessions) + np.arange(len(session)))
    actor = np.where(user >= 0, user, len(events.users) + visitor)
    return np.unique(actor, return_inverse=True)[1]


def _numbered(*keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each distinct row of columns, in their order.

    Returns
    -------
    first
        int64 (u,), a row of each number.
    number
        int64 (n,), the number of each row.
    """
    joined = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        joined = joined * (int(key.max(initial=-1)) + 2) + key + 1  # -1 stands for none
    _, first, number = np.unique(joined, return_index=True, return_inverse=True)
    return first, number


def _clicked(
    events: Events,
    gains: Mapping[str, float],
    end_ms: int,
    ranking: NDArray[np.int64],
    item: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which impressions an interaction names by ranking and item, bool (n,)."""
    named = (events.ranking >= 0) & (events.weights(dict(gains)) > 0) & (events.time_ms < end_ms)
    width = len(events.items)
    clicks = events.ranking[named].astype(np.int64) * width + events.item[named]
    return np.isin(ranking * width + item, clicks)
