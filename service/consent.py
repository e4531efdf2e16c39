"""Whether a shopper may be known: what a request and the shopper themselves say."""

from __future__ import annotations

import logging
from functools import partial
from typing import TypeVar

from search_rerank.errors import StateError
from service.in_time import from_state
from service.runtime import Runtime
from service.schemas import RecommendRequest, RerankRequest, SearchRequest

logger = logging.getLogger(__name__)
A = TypeVar("A", SearchRequest, RecommendRequest, RerankRequest)


def consented(run: Runtime, asked: A) -> A:
    """Return a request as its shopper agreed to it: not personalised where they opted out.

    Where the state cannot tell, they did.
    """
    if not asked.personalise or asked.user is None:
        return asked
    try:
        with run.pipeline() as pipeline:
            opted_out = from_state(pipeline, partial(run.state.opted_out, asked.user))
    except StateError as error:
        logger.warning("a request is not personalised: %s", error)
        opted_out = True
    return asked.model_copy(update={"personalise": False}) if opted_out else asked
