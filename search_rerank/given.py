"""The caller's own candidates: scored by the engine where it can, kept whatever it holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from search_rerank.answer import Answer, Degraded, Hit
from search_rerank.asking import encoded
from search_rerank.errors import EngineError
from search_rerank.guarding.aside import GivenUp
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.stages import Stages

log = logging.getLogger(__name__)


def given(in_use: InUse, query: Query, ids: Sequence[str], stages: Stages) -> Candidates:
    """Return given items in the engine's order, those that it does not hold left out.

    An engine that does not answer in time gives no scores, and all items in the order given:
    `degraded` says so.
    """
    once = list(dict.fromkeys(ids))
    request = encoded(in_use, query, stages)
    try:
        return stages.run("retrieve", partial(in_use.retriever.score, request, once))
    except (EngineError, GivenUp) as error:
        log.error("ranking given items without the engine's scores: %s", error)
        stages.degraded.append(Degraded("retrieve", "the engine gave no scores"))
        return unscored(once)


def unscored(ids: Sequence[str]) -> Candidates:
    """Return items of which the engine said nothing, the first of them the best."""
    none = np.full(len(ids), np.nan, dtype=np.float32)
    return Candidates(ids, none, none, -np.arange(len(ids), dtype=np.float32), total=len(ids))


def places(ids: Sequence[str]) -> dict[str, int]:
    """Return the place at which each item was given, counting each once."""
    return {id_: n for n, id_ in enumerate(dict.fromkeys(ids))}


def with_unknown(answer: Answer, place_of: Mapping[str, int]) -> Answer:
    """Return an answer that holds each given item once.

    Items that were not ranked follow in the order given, with a score below all others.
    """
    if len(answer.hits) == len(place_of):
        return replace(answer, total=len(place_of))
    ranked = {hit.id for hit in answer.hits}
    least = min((hit.score for hit in answer.hits), default=0.0)
    rest = [
        Hit(id_, least - 1 - n, place_of[id_], lexical=None, vector=None)
        for n, id_ in enumerate(id_ for id_ in place_of if id_ not in ranked)
    ]
    return replace(answer, hits=[*answer.hits, *rest], total=len(place_of))
