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
from search_rerank.engines.counting import counts, sort_fields
from search_rerank.engines.embedded.assist import Assist
from search_rerank.engines.embedded.columns import Columns, read_columns
from search_rerank.engines.embedded.counting import count_all
from search_rerank.engines.embedded.fused import FusedSearch
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.vectors import VectorFile
from search_rerank.engines.embedded.words import WordIndex
from search_rerank.engines.synonyms import Synonyms
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
        synonyms: Synonyms,
        before: Snapshot | None = None,
    ) -> None:
        """Read the newest state; of a state before only what changed is read."""
        self.schema = schema
        self._weights = weights
        self._synonyms = synonyms
        self.items: ItemFile = ItemFile(folder, schema.dim) if before is None else before.items
        self._columns: Columns
        self._columns = columns = read_columns(
            self.items, None if before is None else before._columns
        )
        self._rows, self.ids, self._boost = columns.rows, columns.ids, columns.boost
        self._browse = columns.browse
        self._rank = np.empty_like(columns.browse)
        self._rank[columns.browse] = np.arange(len(columns.browse))
        self._vectors: VectorFile = VectorFile(
            folder,
            columns.state,
            schema.dim,
            columns.slots,
            weights.num_candidates,
            None if before is None else before._vectors,
        )
        self._words = WordIndex(folder / columns.state.words_folder, schema)
        self._fused = FusedSearch(self._words, self._vectors, columns, weights)
        self.assist = Assist(self._words, self.items, schema, weights, synonyms)
        self._masks: OrderedDict[str, NDArray[np.bool_]] = OrderedDict()

    def retrieve(self, request: Retrieve) -> Candidates:
        """Return candidates as `Engine.retrieve` does."""
        fields.check_vector(request, self.schema)
        conditions = translate(request.filters, self.schema)
        sorts = sort_fields(request.sort, self.schema)
        asked = counts(request, self.schema)
        condition = self._words.condition(conditions) if conditions else None
        text = clean(request.text)
        query = self._query(text, request.every_word) if text else None
        facets, statistics = count_all(self._words, query, condition, asked)
        matches = self._words.both(query, condition)
        degraded: list[tuple[str, str]] = []
        if sorts:
            found, total = self._sorted(request, matches, sorts)
        elif query is None:
            mask = self._mask(conditions) if conditions else None
            found, total = self._all(request, matches, mask)
        else:
            mask = self._mask(conditions) if conditions else None
            found, total = self._fused.retrieve(request, text, query, condition, mask, degraded)
        return hybrid.counted(
            found,
            total,
            self._weights,
            facets=facets,
            statistics=statistics,
            degraded=tuple(degraded),
            did_you_mean=self.assist.did_you_mean(text),
        )

    def score(self, request: Retrieve, ids: list[str]) -> Candidates:
        """Return given items as `Engine.score` does."""
        fields.check_vector(request, self.schema)
        places = self._columns.places(dict.fromkeys(ids))
        text = clean(request.text)
        if not len(places):
            return hybrid.empty()
        if not text:
            return self._by_boost(places[np.argsort(self._rank[places])])
        query = self._query(text, every=False)
        return self._fused.score(request, text, query, places)

    def close(self) -> None:
        """Release the files."""
        self.items.close()

    def _query(self, text: str, every: bool) -> Query:
        texts = self._synonyms.variants(text)
        return self._words.query(texts, self._weights.fields, every)

    def _sorted(
        self, request: Retrieve, matches: Query, sorts: list[tuple[str, bool]]
    ) -> tuple[Candidates, int]:
        names = [name for name, _ in sorts] + [fields.GROUP]
        rows, boosted, columns = self._words.values(matches, len(self.ids), names)
        known = np.isin(rows, self._rows)
        places = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        keys: list[NDArray[np.float64]] = []
        for column, (_, descending) in zip(columns, sorts, strict=False):
            value = np.array([np.nan if v is None else v for v in column], dtype=np.float64)
            value = -value if descending else value
            keys += [np.isnan(value).astype(np.float64), np.nan_to_num(value)]
        ids = np.array([self.ids[place] for place in places.tolist()], dtype=np.str_)
        order = np.lexsort((ids, *reversed(keys)))
        order = order[known[order]]
        if request.collapse:
            order = hybrid.first_of_each(order, columns[-1])
        kept = order[: hybrid.depth(request.k)]
        lexical = boosted[kept] / self._boost[places[kept]]
        if not clean(request.text):
            lexical = np.zeros(len(kept))
        return hybrid.in_order(ids[kept].tolist(), lexical), int(known.sum())

    def _all(
        self, request: Retrieve, matches: Query, mask: NDArray[np.bool_] | None
    ) -> tuple[Candidates, int]:
        order = self._browse if mask is None else self._browse[mask[self._browse]]
        total, k = len(order), hybrid.depth(request.k)
        if request.collapse:
            rows, _, (groups,) = self._words.values(
                matches, len(self.ids), [fields.GROUP], boosted=False
            )
            group_of = dict(zip(rows.tolist(), groups, strict=True))
            named = [group_of.get(row, -row) for row in self._rows[order].tolist()]
            order = order[hybrid.first_of_each(np.arange(total), named)]
        return self._by_boost(order[:k]), total

    def _by_boost(self, places: NDArray[np.intp]) -> Candidates:
        """Return items that come in the order of `_browse`."""
        ids, boost = [self.ids[place] for place in places.tolist()], self._boost[places]
        return hybrid.browse(ids, boost, self._weights, self._highest())

    def _highest(self) -> float:
        return float(self._boost.max(initial=1.0))

    def _mask(self, conditions: Conditions) -> NDArray[np.bool_]:
        """Return which items meet the conditions; the last few are remembered."""
        key = repr(conditions)
        mask = self._masks.pop(key, None)
        if mask is None:
            query = self._words.condition(conditions)
            rows, scores, _ = self._words.search(query, max(1, len(self.ids)), boosted=False)
            mask = np.zeros(len(self.ids), dtype=bool)
            mask[self._columns.known(rows, scores)[0]] = True
        self._masks[key] = mask
        while len(self._masks) > _MASKS:
            self._masks.popitem(last=False)
        return mask
