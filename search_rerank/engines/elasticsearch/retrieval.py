"""Retrieval on a server: one round trip for both searches, a second one for missing scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import elasticsearch as es
import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.engines import fields, hybrid
from search_rerank.engines.base import Retrieve
from search_rerank.engines.conditions import conditions
from search_rerank.engines.counting import Count, counts
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.connection import VersionGone, reason_of
from search_rerank.engines.elasticsearch.mapping import PRESENT
from search_rerank.engines.elasticsearch.search import Hits
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.engines.words import clean
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.query import Candidates

_VECTORS = "vectors"
_NO_HITS = Hits([], np.zeros(0), np.zeros(0), 0)
Failure = tuple[str, str]


class Retrieval:
    """Asks for candidates and scores.

    Parameters
    ----------
    client
        The connection.
    weights
        How candidates are chosen.
    timeout_s
        How long the server may search.
    """

    def __init__(
        self, client: es.Elasticsearch, weights: RetrievalConfig, timeout_s: float
    ) -> None:
        self._client = client
        self._weights = weights
        self._timeout_s = timeout_s

    def retrieve(self, request: Retrieve, version: Known) -> Candidates:
        """Return candidates as `Engine.retrieve` does."""
        fields.check_vector(request, version.schema)
        filters = search.condition(conditions(request.filters, version.schema)) + _present(version)
        names = counts(request, version.schema)
        k, text, vector = hybrid.depth(request.k), clean(request.text), request.vector
        if not text:
            return self._browse(version, filters, k, names)
        query = self._words(text, version, filters)
        asked = [
            search.by_words(query, k, names, self._timeout_s),
            search.exact(text, filters, self._timeout_s),
        ]
        if vector is not None:
            asked.append(search.by_vector(vector, k, filters, self._timeout_s))
        answers = self._ask(version, asked)
        by_words = search.hits_of(_good(answers[0]))
        exact = search.hits_of(_good(answers[1]))
        near, failed = self._near(answers[2:])
        use = vector if failed is None else None
        scores, boosts, cosine, late = self._fill(version, text, by_words, exact, near, use)
        failed = failed or late
        ids = list(scores)
        return hybrid.combine(
            ids,
            np.array(list(scores.values())),
            np.array([boosts[id_] for id_ in ids]),
            np.array([cosine.get(id_, np.nan) for id_ in ids]),
            self._weights,
            top=float(by_words.scores.max(initial=0.0)),
            k=k,
            exact=exact.ids,
            total=by_words.total,
            facets=search.facets_of(answers[0], names),
            degraded=[failed] if failed else (),
        )

    def score(self, request: Retrieve, ids: Sequence[str], version: Known) -> Candidates:
        """Return given items as `Engine.score` does."""
        fields.check_vector(request, version.schema)
        text, vector, wanted = clean(request.text), request.vector, list(dict.fromkeys(ids))
        if not wanted:
            return hybrid.empty()
        only = [search.with_ids(wanted)]
        listed = search.by_boost(only, len(wanted), (), self._timeout_s)
        if not text:
            best = search.by_boost(_present(version), 1, (), self._timeout_s)
            found, top = (search.hits_of(_good(a)) for a in self._ask(version, [listed, best]))
            highest = float(top.boost.max(initial=1.0))
            return hybrid.browse(found.ids, found.boost, self._weights, highest)
        best = search.by_words(self._words(text, version, []), 2, (), self._timeout_s)
        worded = self._words(text, version, only)
        asked = [
            listed,
            best,
            search.by_words(worded, len(wanted), (), self._timeout_s),
            search.exact(text, [], self._timeout_s),
        ]
        if vector is not None:
            asked.append(search.by_vector(vector, len(wanted), only, self._timeout_s))
        answers = self._ask(version, asked)
        found, first, by_words = (search.hits_of(_good(answer)) for answer in answers[:3])
        exact = search.hits_of(_good(answers[3]))
        near, failed = self._near(answers[4:])
        scores = dict(zip(by_words.ids, by_words.scores.tolist(), strict=True))
        cosine = dict(zip(near.ids, _cosine(near), strict=True))
        return hybrid.combine(
            found.ids,
            np.array([scores.get(id_, 0.0) for id_ in found.ids]),
            found.boost,
            np.array([cosine.get(id_, np.nan) for id_ in found.ids]),
            self._weights,
            top=float(first.scores.max(initial=0.0)),
            k=len(found.ids),
            exact=exact.ids,
            degraded=[failed] if failed else (),
        )

    def _browse(
        self, version: Known, filters: list[search.Query], k: int, names: list[Count]
    ) -> Candidates:
        asked = [
            search.by_boost(filters, k, names, self._timeout_s),
            search.by_boost(_present(version), 1, (), self._timeout_s),
        ]
        answer, best = (_good(answer) for answer in self._ask(version, asked))
        found = search.hits_of(answer)
        return hybrid.browse(
            found.ids,
            found.boost,
            self._weights,
            float(search.hits_of(best).boost.max(initial=1.0)),
            total=found.total,
            facets=search.facets_of(answer, names),
        )

    def _fill(
        self,
        version: Known,
        text: str,
        by_words: Hits,
        exact: Hits,
        near: Hits,
        vector: NDArray[np.float32] | None,
    ) -> tuple[dict[str, float], dict[str, float], dict[str, float], Failure | None]:
        """Return word scores, boosts and cosines of the union; what is missing is asked for."""
        scores = dict(zip(by_words.ids, by_words.scores.tolist(), strict=True))
        boosts = dict(zip(by_words.ids, by_words.boost.tolist(), strict=True))
        boosts |= dict(zip(exact.ids, exact.boost.tolist(), strict=True))
        boosts |= dict(zip(near.ids, near.boost.tolist(), strict=True))
        cosine = dict(zip(near.ids, _cosine(near), strict=True))
        no_words = [id_ for id_ in dict.fromkeys([*near.ids, *exact.ids]) if id_ not in scores]
        no_cosine = [id_ for id_ in dict.fromkeys([*by_words.ids, *exact.ids]) if id_ not in cosine]
        scores |= dict.fromkeys(no_words, 0.0)
        asked: list[search.Query] = []
        # All matching items were listed where there are fewer than asked for: 0 is known then.
        if no_words and by_words.total > len(by_words.ids):
            query = search.words(
                text, version.schema, self._weights.fields, [search.with_ids(no_words)]
            )
            asked.append(search.by_words(query, len(no_words), (), self._timeout_s))
        if no_cosine and vector is not None:
            only = [search.with_ids(no_cosine)]
            asked.append(search.by_vector(vector, len(no_cosine), only, self._timeout_s))
        if not asked:
            return scores, boosts, cosine, None
        answers = self._ask(version, asked)
        failed = None
        if "knn" in asked[-1]:
            more, failed = self._near(answers[-1:])
            cosine |= dict(zip(more.ids, _cosine(more), strict=True))
        if "query" in asked[0]:
            late = search.hits_of(_good(answers[0]))
            scores |= dict(zip(late.ids, late.scores.tolist(), strict=True))
        return scores, boosts, cosine, failed

    def _words(self, text: str, version: Known, filters: Sequence[search.Query]) -> search.Query:
        return search.words(text, version.schema, self._weights.fields, filters)

    def _ask(self, version: Known, searches: Sequence[search.Query]) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for body in searches:
            parts += [{}, body]
        answer = self._client.msearch(index=version.name, searches=parts)
        return list(answer["responses"])

    def _near(self, answers: Sequence[dict[str, Any]]) -> tuple[Hits, Failure | None]:
        if not answers:
            return _NO_HITS, None
        try:
            return search.hits_of(_good(answers[0])), None
        except VersionGone:
            raise
        except EngineError as error:
            return _NO_HITS, (_VECTORS, str(error))


def _present(version: Known) -> list[search.Query]:
    """Return the filter that leaves out notes of removals, which only a load has."""
    return [PRESENT] if version.loading else []


def _cosine(hits: Hits) -> list[float]:
    """Return cosines: the server gives (1 + cosine) / 2."""
    cosine: list[float] = (2.0 * hits.scores - 1.0).tolist()
    return cosine


def _good(answer: dict[str, Any]) -> dict[str, Any]:
    """Return one answer of several, or raise what it failed of."""
    if "error" in answer:
        status, reason = answer.get("status", 500), reason_of(answer["error"])
        if status == 404:
            raise VersionGone(f"Elasticsearch: {reason}")
        if status in (429, 502, 503, 504):
            raise EngineUnavailable(f"Elasticsearch is not ready (status {status}): {reason}")
        raise EngineError(f"Elasticsearch: {reason}")
    if answer.get("timed_out"):
        raise EngineUnavailable("Elasticsearch did not answer in time: raise engine.timeout_s")
    return answer
