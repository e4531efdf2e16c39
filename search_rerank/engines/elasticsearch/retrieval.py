"""Retrieval on a server: one round trip for all searches, a second one for missing cosines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import elasticsearch as es
import numpy as np
from numpy.typing import NDArray

from search_rerank.config import EngineConfig, RetrievalConfig
from search_rerank.engines import fields, hybrid, spelling
from search_rerank.engines.base import Retrieve
from search_rerank.engines.conditions import conditions
from search_rerank.engines.counting import Count, counts, sort_fields
from search_rerank.engines.elasticsearch import counting, search
from search_rerank.engines.elasticsearch.asking import Answer, Asking, Failure, good, optional
from search_rerank.engines.elasticsearch.cosines import Cosines
from search_rerank.engines.elasticsearch.items import Items
from search_rerank.engines.elasticsearch.mapping import PRESENT
from search_rerank.engines.elasticsearch.search import Hits
from search_rerank.engines.elasticsearch.union import Union
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.engines.synonyms import Synonyms
from search_rerank.engines.words import clean
from search_rerank.query import Candidates


@dataclass(frozen=True)
class _Asked:
    """A request in the words of a version."""

    request: Retrieve
    version: Known
    text: str
    texts: list[str]
    filters: list[search.Query]
    facets: list[Count]
    sorts: list[tuple[str, bool]]

    @property
    def k(self) -> int:
        return hybrid.depth(self.request.k)


class Retrieval:
    """Asks for candidates and scores.

    Parameters
    ----------
    client
        The connection.
    weights
        How candidates are chosen.
    config
        How long the server may search, and what is kept of its answers.
    items
        Told which items were found.
    """

    def __init__(
        self,
        client: es.Elasticsearch,
        weights: RetrievalConfig,
        config: EngineConfig,
        items: Items,
    ) -> None:
        self._items = items
        self._asking = Asking(client, config.timeout_s)
        self._cosines = Cosines(self._asking, weights.num_candidates, config.vectors_mb)
        self._weights = weights
        self.synonyms = Synonyms(weights.synonyms)

    def retrieve(self, request: Retrieve, version: Known) -> Candidates:
        """Return candidates as `Engine.retrieve` does."""
        schema, text = version.schema, clean(request.text)
        fields.check_vector(request, schema)
        filters = search.condition(conditions(request.filters, schema)) + _present(version)
        sorts = sort_fields(request.sort, schema)
        wanted = counts(request, schema)
        texts = self.synonyms.variants(text)
        asked = _Asked(request, version, text, texts, filters, wanted, sorts)
        alone = [count for count in asked.facets if count.only is not None]
        fused = bool(asked.text) and not asked.sorts
        searches = [self._listing(asked)]
        if fused:
            exact = search.exact(asked.text, asked.filters, self._plainly(asked))
            searches.append(search.grouped(exact) if request.collapse else exact)
            if request.vector is not None:
                searches.append(self._nearest(asked, request.vector))
        elif not asked.sorts:
            searches.append(self._most_boosted(version))
        first_facet = len(searches)
        searches += [self._facet(asked, count) for count in alone]
        answers = self._asking.ask(version, searches, kept=True)
        listed = good(answers[0])
        shared = [(count, listed) for count in asked.facets if count.only is None]
        others = [good(answer) for answer in answers[first_facet:]]
        facets, statistics = counting.read([*shared, *zip(alone, others, strict=True)])
        order = [facet.field for facet in request.facets]
        facets = {name: facets[name] for name in order if name in facets}
        found = search.hits_of(listed)
        if not fused:
            self._items.found(version, found.states)
        degraded: list[Failure] = []
        if fused:
            candidates = self._fused(asked, found, answers[1:first_facet], degraded)
        elif asked.sorts:
            words = found.scores / found.boost if asked.text else np.zeros(len(found.ids))
            candidates = hybrid.in_order(found.ids, words)
        else:
            candidates = self._browsed(found, answers[1])
        return hybrid.counted(
            candidates,
            found.total,
            self._weights,
            facets=facets,
            statistics=statistics,
            degraded=tuple(degraded),
            did_you_mean=self._corrected(version, asked.text, listed),
        )

    def score(self, request: Retrieve, ids: Sequence[str], version: Known) -> Candidates:
        """Return given items as `Engine.score` does."""
        fields.check_vector(request, version.schema)
        text, vector, wanted = clean(request.text), request.vector, list(dict.fromkeys(ids))
        if not wanted:
            return hybrid.empty()
        only, n = [search.with_ids(wanted)], len(wanted)
        every = search.every_item(only)
        if not text:
            listed = search.listing(every, n, 0, search.BY_BOOST)
            answers = self._asking.ask(version, [listed, self._most_boosted(version)])
            return self._browsed(search.hits_of(good(answers[0])), answers[1])
        words = self._words(self.synonyms.variants(text), version, [])
        searches = [
            search.listing(search.beside(every, words), n, 0, search.BY_BOOST),
            search.listing(words, 1, 0),
            search.exact(text, _present(version), words),
        ]
        if vector is not None:
            nearest = search.near(vector, n, only, self._weights.num_candidates)
            searches.append(search.listing(nearest, n, 0))
        answers = self._asking.ask(version, searches)
        found, first, exact = (search.hits_of(good(answer)) for answer in answers[:3])
        near, failed = optional(answers[3]) if vector is not None else (search.NO_HITS, None)
        self._items.found(version, found.states)
        union = Union(search.NO_HITS, [found], near)
        candidates = hybrid.combine(
            union.ids,
            union.scores,
            union.boosts,
            union.cosines,
            self._weights,
            top=float(first.scores.max(initial=0.0)),
            k=len(union.ids),
            exact=exact.ids,
        )
        failures = (failed,) if failed else ()
        return hybrid.counted(candidates, 0, self._weights, degraded=failures)

    def did_you_mean(self, text: str, version: Known) -> str | None:
        """Return a text as `Engine.did_you_mean` does."""
        text = clean(text)
        suggest = search.misspelt(text)
        if not suggest or self._weights.typos == "off":
            return None
        body = {"size": 0, "track_total_hits": False, "suggest": suggest}
        return self._corrected(version, text, good(self._asking.ask(version, [body])[0]))

    def _corrected(self, version: Known, text: str, answer: Answer) -> str | None:
        near = search.near_words(answer, text)
        if not near:
            return None
        # A word of a description or in another form is known, too.
        asked = [search.having(word, version.schema) for word in near]
        answers = [good(answer) for answer in self._asking.ask(version, asked)]
        meant = {}
        for (word, known), other in zip(near.items(), answers, strict=True):
            nearest = None if other["hits"]["total"]["value"] else spelling.nearest(word, known)
            if nearest is not None:
                meant[word] = nearest
        return spelling.corrected(text, meant, self.synonyms.words(text))

    def _listing(self, asked: _Asked) -> search.Query:
        """Return the main search: hits, total, the facets that share its filters, spelling."""
        query, sort = self._matches(asked, asked.filters), search.sort_by(asked.sorts)
        if not asked.sorts:
            sort = [] if asked.text else search.BY_BOOST
        body = search.listing(query, asked.k, self._weights.total_up_to, sort)
        if asked.request.collapse:
            body = search.collapsed(body)
        shared = [count for count in asked.facets if count.only is None]
        if shared:
            body["aggs"] = counting.aggregations(shared)
        suggest = search.misspelt(asked.text) if self._weights.typos != "off" else {}
        return body | ({"suggest": suggest} if suggest else {})

    def _facet(self, asked: _Asked, count: Count) -> search.Query:
        """Return the search of a facet that leaves its own filter out."""
        only = search.condition(count.only) if count.only is not None else []
        query = self._matches(asked, only + _present(asked.version))
        body = search.listing(query, 0, 0)
        return body | {"aggs": counting.aggregations([count])}

    def _matches(self, asked: _Asked, filters: list[search.Query]) -> search.Query:
        if not asked.text:
            return search.every_item(filters)
        return self._words(asked.texts, asked.version, filters, asked.request.every_word)

    def _nearest(self, asked: _Asked, vector: NDArray[np.float32]) -> search.Query:
        """Return the search for the nearest, each with its word score."""
        near = search.near(vector, asked.k, asked.filters, self._weights.num_candidates)
        body = search.listing(search.beside(near, self._plainly(asked)), asked.k, 0)
        return search.grouped(body) if asked.request.collapse else body

    def _plainly(self, asked: _Asked) -> search.Query:
        """Return the words alone, to score what meets the filters already."""
        return self._words(asked.texts, asked.version, [], asked.request.every_word)

    def _most_boosted(self, version: Known) -> search.Query:
        return search.listing(search.every_item(_present(version)), 1, 0, search.BY_BOOST)

    def _browsed(self, found: Hits, most: Answer) -> Candidates:
        highest = float(search.hits_of(good(most)).boost.max(initial=1.0))
        return hybrid.browse(found.ids, found.boost, self._weights, highest)

    def _fused(
        self, asked: _Asked, by_words: Hits, answers: list[Answer], degraded: list[Failure]
    ) -> Candidates:
        exact, vector = search.hits_of(good(answers[0])), asked.request.vector
        near, failed = optional(answers[1]) if len(answers) > 1 else (search.NO_HITS, None)
        top = float(by_words.scores.max(initial=0.0))
        union = Union(by_words, [exact, near], near)
        self._items.found(asked.version, union.states)
        collapse = asked.request.collapse
        if failed is None and vector is not None:
            self._cosines.recall(asked.version, vector, union)
            if self._weights.fusion == "scores" and not collapse and union.lacking():
                union.contenders(self._weights, top, asked.k, exact.ids)
            failed = self._cosines.ask(asked.version, vector, union)
        if failed is not None:
            degraded.append(failed)
        return hybrid.combine(
            union.ids,
            union.scores,
            union.boosts,
            union.cosines,
            self._weights,
            top=top,
            k=asked.k,
            exact=exact.ids,
            groups=union.groups() if collapse else None,
        )

    def _words(
        self,
        texts: Sequence[str],
        version: Known,
        filters: list[search.Query],
        every: bool = False,
    ) -> search.Query:
        return search.words(texts, version.schema, self._weights.fields, filters, every)


def _present(version: Known) -> list[dict[str, Any]]:
    """Return the filter that leaves out notes of removals, which only a load has."""
    return [PRESENT] if version.loading else []
