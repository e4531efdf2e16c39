"""Items found by words and by meaning in one state of an embedded version."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tantivy import Query

from search_rerank.config import RetrievalConfig
from search_rerank.engines import fields, hybrid
from search_rerank.engines.base import Retrieve
from search_rerank.engines.embedded.columns import Columns
from search_rerank.engines.embedded.listing import Listing
from search_rerank.engines.embedded.vectors import VectorFile
from search_rerank.engines.embedded.words import WordIndex
from search_rerank.query import Candidates

_BEHIND = 2
"""So many times as many word hits as are asked for are listed behind those: few vector hits that
are behind them, too, can come to stand among the first."""


class FusedSearch:
    """Lists word hits and vector hits, and gives each item of both lists both scores.

    Parameters
    ----------
    words, vectors, columns
        Of one state.
    weights
        How candidates are chosen.
    """

    def __init__(
        self,
        words: WordIndex,
        vectors: VectorFile,
        columns: Columns,
        weights: RetrievalConfig,
    ) -> None:
        self._words = words
        self._vectors = vectors
        self._columns = columns
        self._weights = weights

    def retrieve(
        self,
        request: Retrieve,
        text: str,
        query: Query,
        condition: Query | None,
        mask: NDArray[np.bool_] | None,
        degraded: list[tuple[str, str]],
    ) -> tuple[Candidates, int]:
        """Return candidates, and how many items match the words.

        Parameters
        ----------
        request, text, query
            What is asked, its text cleaned, and the query made of that.
        condition, mask
            What meets the filters, as a query and by place; None where there are none.
        degraded
            Gets what failed.
        """
        k, within = hybrid.depth(request.k), self._words.both(query, condition)
        listing = self._words.listing(within, k + _BEHIND * k)
        first = listing.part(0, k)
        if request.collapse and listing.total > k:
            first = self._of_groups(within, k, listing.total)
        places, boosted = self._columns.known(*first)
        top = float(boosted.max(initial=0.0))
        exact = self._exact(text, condition)
        near = np.zeros(0, dtype=np.intp)
        if request.vector is not None:
            try:
                near = self._vectors.nearest(request.vector, k, mask)
            except Exception as error:  # the words still answer
                degraded.append(("vectors", f"{type(error).__name__}: {error}"))
        other = np.zeros(len(self._columns.rows), dtype=bool)
        other[near] = other[exact] = True
        other[places] = False
        others = np.flatnonzero(other)
        n, places = len(places), np.concatenate([places, others])
        cosine = self._cosine(None if degraded else request.vector, places)
        least, start = np.zeros(len(others)), 0
        if not request.collapse:  # of groups it is not known which are among the first
            listed, start = (boosted, cosine[:n]), k
            least = hybrid.entering(*listed, cosine[n:], self._weights, top=top, k=k)
            least[np.isin(others, exact)] = 0.0
        more = self._boosted(others, least, query, listing, start)
        boosted = np.concatenate([boosted, more])
        entering = ~np.isnan(boosted)
        places, boosted, cosine = places[entering], boosted[entering], cosine[entering]
        groups = self._groups(places) if request.collapse else None
        return self._combine(places, boosted, cosine, top, k, exact, groups), listing.total

    def score(
        self, request: Retrieve, text: str, query: Query, places: NDArray[np.intp]
    ) -> Candidates:
        """Return given items, at least one, with the scores `retrieve` would give them."""
        _, best = self._columns.known(*self._words.search(query, 1)[:2])
        top = float(best.max(initial=0.0))
        exact = self._exact(text, None)
        boosted, cosine = self._missing(query, places), self._cosine(request.vector, places)
        return self._combine(places, boosted, cosine, top, len(places), exact)

    def _boosted(
        self,
        places: NDArray[np.intp],
        least: NDArray[np.float64],
        query: Query,
        listing: Listing,
        start: int,
    ) -> NDArray[np.float64]:
        """Return the boosted word scores of items, NaN of those that have less than the least.

        The listing is read from the start given, as far as need be; items before it are not asked.
        """
        end = listing.reaching(float(least.min(initial=np.inf)))
        found = self._columns.known(*listing.part(start, end))
        boosted = _scattered(places, *found, 0.0 if end == listing.total else np.nan)
        if end == len(listing) < listing.total:
            asked = np.isnan(boosted) & (least <= listing.last)
            boosted[asked] = self._missing(query, places[asked])
        return boosted

    def _combine(
        self,
        places: NDArray[np.intp],
        boosted: NDArray[np.float64],
        cosine: NDArray[np.float64],
        top: float,
        k: int,
        exact: NDArray[np.intp],
        groups: list[int] | None = None,
    ) -> Candidates:
        return hybrid.combine(
            [self._columns.ids[place] for place in places.tolist()],
            boosted,
            self._columns.boost[places],
            cosine,
            self._weights,
            top=top,
            k=k,
            exact=[self._columns.ids[place] for place in exact.tolist()],
            groups=groups,
        )

    def _cosine(
        self, vector: NDArray[np.float32] | None, places: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        if vector is None:
            return np.full(len(places), np.nan)
        return self._vectors.cosine(vector, places)

    def _of_groups(
        self, query: Query, k: int, total: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the best hit of each of k groups, best first."""
        limit = k
        while True:
            limit = min(4 * limit, total)
            rows, boosted, (groups,) = self._words.values(query, limit, [fields.GROUP])
            first = hybrid.first_of_each(np.arange(len(rows)), groups)[:k]
            if len(first) == k or limit == total:
                return rows[first], boosted[first]

    def _groups(self, places: NDArray[np.intp]) -> list[int]:
        some = self._words.of_rows(self._columns.rows[places])
        rows, _, (groups,) = self._words.values(some, len(places), [fields.GROUP], boosted=False)
        group_of = dict(zip(rows.tolist(), groups, strict=True))
        return [group_of.get(row, -row) for row in self._columns.rows[places].tolist()]

    def _exact(self, text: str, condition: Query | None) -> NDArray[np.intp]:
        """Return the places of the items whose code or whole title a text is."""
        query = self._words.exact(text)
        if query is None:
            return np.zeros(0, dtype=np.intp)
        within = self._words.both(query, condition)
        rows, scores, _ = self._words.search(within, hybrid.MAX_EXACT)
        return self._columns.known(rows, scores)[0]

    def _missing(self, query: Query, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the boosted word scores of given items, 0 where no word matches."""
        if not len(places):
            return np.zeros(0)
        some = self._words.within(query, self._words.of_rows(self._columns.rows[places]))
        found = self._columns.known(*self._words.search(some, len(places))[:2])
        return _scattered(places, *found, 0.0)


def _scattered(
    places: NDArray[np.intp],
    found: NDArray[np.intp],
    boosted: NDArray[np.float64],
    others: float,
) -> NDArray[np.float64]:
    """Return the scores of items where they were found, one given for all others."""
    score_of = dict(zip(found.tolist(), boosted.tolist(), strict=True))
    return np.array([score_of.get(place, others) for place in places.tolist()], dtype=np.float64)
