"""Strips of products beside the results: for the shopper, like a product, going with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_rerank.answer import Answer
from service.in_time import items_of
from service.recommend import recommendations
from service.runtime import Runtime
from service.schemas import RecommendRequest, SearchRequest
from service.shop_view import Card, cards

_FOR_YOU = 8
_BESIDE = 8


@dataclass(frozen=True)
class Strip:
    """Products in a row: what the page calls it, what they are called together, and they.

    `ranking` is the id of the answer that they are from.
    """

    id: str
    title: str
    cards: Sequence[Card]
    ranking: str | None


def for_shopper(run: Runtime, asked: SearchRequest) -> list[Strip]:
    """Return what fits a shopper of whom something is known; else what is trending."""
    known = run.state.history(asked.user, asked.session, 1)
    wanted = RecommendRequest(
        scope="personal" if known else "trending",
        user=asked.user,
        session=asked.session,
        personalise=asked.personalise,
        collapse=True,
        reasons=True,
        size=_FOR_YOU,
    )
    title = "Picked for you" if known else "Trending now"
    return _strip(run, "foryou", title, recommendations(run, wanted), _FOR_YOU)


def beside_item(run: Runtime, asked: SearchRequest, item_id: str) -> list[Strip]:
    """Return what is like a product, and what goes with it where the bundle can tell."""
    wanted = RecommendRequest(
        scope="similar",
        item=item_id,
        user=asked.user,
        session=asked.session,
        personalise=asked.personalise,
        collapse=True,
        reasons=True,
        size=_BESIDE,
    )
    found = _strip(run, "similar", "More like this", recommendations(run, wanted), _BESIDE)
    answer = recommendations(run, wanted.model_copy(update={"scope": "cross_category"}))
    if any(part.stage == "candidates.cross_category" for part in answer.degraded):
        return found  # what is shown for want of a scorer does not go with anything
    return found + _strip(run, "goeswith", "Goes with it", answer, _BESIDE)


def _strip(run: Runtime, id_: str, title: str, answer: Answer, n: int) -> list[Strip]:
    """Return one strip, none without a product."""
    hits = answer.hits[:n]
    with run.pipeline() as pipeline:
        items, _ = items_of(pipeline, [hit.id for hit in hits])
    return [Strip(id_, title, cards(hits, items), answer.id)] if hits else []
