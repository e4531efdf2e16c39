"""One state of one embedded version, held in memory to answer queries."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tantivy import Query

from search_rerank.config import RetrievalConfig
from search_rerank.engines import fields, hybrid
from search_rerank.engines.base import IndexSchema, Retrieve
from search_rerank.engines.conditions import Conditions
from search_rerank.engines.conditions import conditions as translate
from search_rerank.engines.counting import counts
from search_rerank.engines.embedded.columns import Columns, read_columns
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.vectors import VectorFile
from search_rerank.engines.embedded.words import WordIndex
from search_rerank.engines.words import clean
from search_rerank.query import Candidates

_MASKS = 64


class Snapshot:
    """Answers queries from one state of a version; items are known by their place in `ids`."""

    def __init__(
        self,
        folder: Path,
        schema: IndexSchema,
        weights: RetrievalConfig,
        before: Snapshot | None = None,
    ) -> None:
        """Read the newest state; of a state before only what changed is read."""
        self.schema = schema
        self._weights = weights
        self.items: ItemFile = ItemFile(folder, schema.dim) if before is None else before.items
        self._columns: Columns
        self._columns = columns = read_columns(
            self.items, None if before is None else before._columns
        )
        self._rows, self.ids, self._boost = columns.rows, columns.ids, columns.boost
        self._browse = columns.browse
        self._vectors = VectorFile(
            folder, columns.state, schema.dim, columns.slots, weights.num_candidates
        )
        self._words = WordIndex(folder / columns.state.words_folder, schema)
        self._masks: OrderedDict[str, NDArray[np.bool_]] = OrderedDict()

    def retrieve(self, request: Retrieve) -> Candidates:
        """Return candidates as `Engine.retrieve` does."""
        fields.check_vector(request, self.schema)
        conditions = translate(request.filters, self.schema)
        names = counts(request, self.schema)
        condition = self._words.condition(conditions)
        mask = self._mask(conditions) if conditions else None
        k, text = hybrid.depth(request.k), clean(request.text)
        if not text:
            return self._all(k, mask, self._words.facets(condition, names))
        query = self._words.query(text, self._weights.fields)
        within = self._words.within(query, condition) if conditions else query
        rows, boosted, total = self._words.search(within, k)
        counted = self._words.facets(within, names)
        places, boosted = self._known(rows, boosted)
        exact = self._exact(text, condition)
        first = exact[~np.isin(exact, places)]
        places = np.concatenate([places, first])
        boosted = np.concatenate([boosted, self._missing(query, first)])
        top = float(boosted.max(initial=0.0))
        degraded: list[tuple[str, str]] = []
        near = np.zeros(0, dtype=np.intp)
        if request.vector is not None:
            try:
                near = self._vectors.nearest(request.vector, k, mask)
            except Exception as error:  # the words still answer
                degraded.append(("vectors", f"{type(error).__name__}: {error}"))
        more = near[~np.isin(near, places)]
        places = np.concatenate([places, more])
        boosted = np.concatenate([boosted, self._missing(query, more)])
        vector = None if degraded else request.vector
        return self._combine(
            places, boosted, vector, top, k, exact, total=total, facets=counted, degraded=degraded
        )

    def score(self, request: Retrieve, ids: list[str]) -> Candidates:
        """Return given items as `Engine.score` does."""
        fields.check_vector(request, self.schema)
        places = np.array(
            [
                place
                for id_ in dict.fromkeys(ids)
                if (place := self._columns.place(id_)) is not None
            ],
            dtype=np.intp,
        )
        text = clean(request.text)
        if not len(places):
            return hybrid.empty()
        if not text:
            return self._by_boost(places)
        query = self._words.query(text, self._weights.fields)
        _, best = self._known(*self._words.search(query, 1)[:2])
        top = float(best.max(initial=0.0))
        exact = self._exact(text, None)
        boosted = self._missing(query, places)
        return self._combine(places, boosted, request.vector, top, len(places), exact)

    def close(self) -> None:
        """Release the files."""
        self.items.close()

    def _combine(
        self,
        places: NDArray[np.intp],
        boosted: NDArray[np.float64],
        vector: NDArray[np.float32] | None,
        top: float,
        k: int,
        exact: NDArray[np.intp],
        *,
        total: int = 0,
        facets: dict[str, list[tuple[str, int]]] | None = None,
        degraded: list[tuple[str, str]] | None = None,
    ) -> Candidates:
        if vector is None:
            cosine = np.full(len(places), np.nan)
        else:
            cosine = self._vectors.cosine(vector, places)
        return hybrid.combine(
            [self.ids[place] for place in places.tolist()],
            boosted,
            self._boost[places],
            cosine,
            self._weights,
            top=top,
            k=k,
            exact=[self.ids[place] for place in exact.tolist()],
            total=total,
            facets=facets,
            degraded=degraded or (),
        )

    def _exact(self, text: str, condition: Query | None) -> NDArray[np.intp]:
        """Return the places of the items whose code or whole title a text is."""
        query = self._words.exact(text)
        within = query if condition is None else self._words.within(query, condition)
        rows, scores, _ = self._words.search(within, hybrid.MAX_EXACT)
        return self._known(rows, scores)[0]

    def _all(
        self,
        k: int,
        mask: NDArray[np.bool_] | None,
        counts: dict[str, list[tuple[str, int]]],
    ) -> Candidates:
        order = self._browse if mask is None else self._browse[mask[self._browse]]
        return self._by_boost(order[:k], len(order), counts)

    def _by_boost(
        self,
        places: NDArray[np.intp],
        total: int = 0,
        counts: dict[str, list[tuple[str, int]]] | None = None,
    ) -> Candidates:
        ids, boost = [self.ids[place] for place in places.tolist()], self._boost[places]
        return hybrid.browse(ids, boost, self._weights, self._highest(), total=total, facets=counts)

    def _highest(self) -> float:
        return float(self._boost.max(initial=1.0))

    def _missing(self, query: Query, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the boosted word scores of given items, 0 where no word matches."""
        scores = np.zeros(len(places))
        if not len(places):
            return scores
        some = self._words.within(query, self._words.of_rows(self._rows[places]))
        found, boosted = self._known(*self._words.search(some, len(places))[:2])
        order = np.argsort(places)
        scores[order[np.searchsorted(places, found, sorter=order)]] = boosted
        return scores

    def _known(
        self, rows: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of rows; the words may be a moment newer than the items."""
        if not len(self._rows):
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        places = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        known = self._rows[places] == rows
        return places[known], scores[known]

    def _mask(self, conditions: Conditions) -> NDArray[np.bool_]:
        """Return which items meet the conditions; the last few are remembered."""
        key = repr(conditions)
        mask = self._masks.pop(key, None)
        if mask is None:
            query = self._words.condition(conditions)
            rows, scores, _ = self._words.search(query, max(1, len(self.ids)), boosted=False)
            mask = np.zeros(len(self.ids), dtype=bool)
            mask[self._known(rows, scores)[0]] = True
        self._masks[key] = mask
        while len(self._masks) > _MASKS:
            self._masks.popitem(last=False)
        return mask
