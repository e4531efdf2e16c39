"""Items found by words and by meaning in one state of an embedded version."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tantivy import Query

from search_rerank.config import RetrievalConfig
from search_rerank.engines import fields, hybrid
from search_rerank.engines.base import Retrieve
from search_rerank.engines.embedded.columns import Columns
from search_rerank.engines.embedded.vectors import VectorFile
from search_rerank.engines.embedded.words import WordIndex
from search_rerank.query import Candidates

_LISTED = 1_000
"""So many word hits are listed, more than are asked for: where these are all, every other item's
word score is known to be 0."""


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
        rows, boosted, total = self._words.search(within, max(k, _LISTED))
        all_ = self._columns.known(rows, boosted) if total <= len(rows) else None
        if request.collapse and total > k:
            rows, boosted = self._of_groups(within, k, total)
        places, boosted = self._columns.known(rows[:k], boosted[:k])
        top = float(boosted.max(initial=0.0))
        exact = self._exact(text, condition)
        near = np.zeros(0, dtype=np.intp)
        if request.vector is not None:
            try:
                near = self._vectors.nearest(request.vector, k, mask)
            except Exception as error:  # the words still answer
                degraded.append(("vectors", f"{type(error).__name__}: {error}"))
        late = np.unique(np.concatenate([exact, near]))
        late = late[~np.isin(late, places)]
        places = np.concatenate([places, late])
        more = self._missing(query, late) if all_ is None else _scattered(late, *all_)
        boosted = np.concatenate([boosted, more])
        vector = None if degraded else request.vector
        groups = self._groups(places) if request.collapse else None
        return self._combine(places, boosted, vector, top, k, exact, groups), total

    def score(
        self, request: Retrieve, text: str, query: Query, places: NDArray[np.intp]
    ) -> Candidates:
        """Return given items, at least one, with the scores `retrieve` would give them."""
        _, best = self._columns.known(*self._words.search(query, 1)[:2])
        top = float(best.max(initial=0.0))
        exact = self._exact(text, None)
        boosted = self._missing(query, places)
        return self._combine(places, boosted, request.vector, top, len(places), exact)

    def _combine(
        self,
        places: NDArray[np.intp],
        boosted: NDArray[np.float64],
        vector: NDArray[np.float32] | None,
        top: float,
        k: int,
        exact: NDArray[np.intp],
        groups: list[int] | None = None,
    ) -> Candidates:
        if vector is None:
            cosine = np.full(len(places), np.nan)
        else:
            cosine = self._vectors.cosine(vector, places)
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
        within = query if condition is None else self._words.within(query, condition)
        rows, scores, _ = self._words.search(within, hybrid.MAX_EXACT)
        return self._columns.known(rows, scores)[0]

    def _missing(self, query: Query, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the boosted word scores of given items, 0 where no word matches."""
        if not len(places):
            return np.zeros(0)
        some = self._words.within(query, self._words.of_rows(self._columns.rows[places]))
        return _scattered(places, *self._columns.known(*self._words.search(some, len(places))[:2]))


def _scattered(
    places: NDArray[np.intp], found: NDArray[np.intp], boosted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the scores of given items where they were found, 0 for the others."""
    score_of = dict(zip(found.tolist(), boosted.tolist(), strict=True))
    return np.array([score_of.get(place, 0.0) for place in places.tolist()], dtype=np.float64)
