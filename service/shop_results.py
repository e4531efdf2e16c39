"""What the shop's page shows of a search: its first page, or the one that a cursor leads to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from search_rerank.answer import Answer, Hit
from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.errors import EngineUnavailable
from service.filters import FacetModel
from service.in_time import items_of
from service.pages import answer_to, cursor_after
from service.runtime import Runtime
from service.schemas import SearchRequest
from service.search import ask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Results:
    """One page of results.

    Parameters
    ----------
    answer
        With the counts of facets.
    hits
        Those of the page, in the shopper's order.
    by_engine
        The same place of the engine's order.
    first
        Place of the first hit in the whole list.
    items
        By id.
    cursor
        Where the list goes on, None after the last page.
    """

    answer: Answer
    hits: Sequence[Hit]
    by_engine: Sequence[Hit]
    first: int
    items: Mapping[str, Item]
    cursor: str | None

    def place(self, hit: Hit) -> int:
        """Return the place of a hit in the shopper's order."""
        return next(n for n, other in enumerate(self.answer.hits) if other.id == hit.id)


def first_results(run: Runtime, asked: SearchRequest, both: bool) -> Results:
    """Return a page that is ranked now; `both` also looks up what the engine's order shows."""
    answer = ask(run, asked)
    first, end = asked.start, asked.start + asked.size
    hits = answer.hits[first:end]
    by_engine = sorted(answer.hits, key=lambda hit: hit.engine_rank)[first:end]
    cursor, _ = cursor_after(run, asked, answer)
    shown = list({hit.id: 0 for hit in [*hits, *(by_engine if both else [])]})
    with run.pipeline() as pipeline:
        items, _ = items_of(pipeline, shown)
    return Results(answer, hits, by_engine, first, items, cursor)


def later_results(run: Runtime, asked: SearchRequest, facets: Sequence[FacetModel]) -> Results:
    """Return the page that a request's cursor leads to; raises as `answer_to`."""
    answer, page, cursor, _ = answer_to(run, asked)
    counted = Retrieve(
        answer.searched or asked.query,
        filters=asked.filters.to_filters(),
        facets=tuple(facet.to_facet() for facet in facets),
        k=1,
    )
    try:
        with run.pipeline() as pipeline:
            answer = replace(answer, facets=pipeline.engine.retrieve(counted).facets)
    except EngineUnavailable as error:  # the products are there
        logger.warning("nothing is counted beside a page: %s", error)
    return Results(answer, page.hits, [], page.first, page.items, cursor)
