"""Who asks, and whether anything of them may be known: a request and the shopper say so."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from search_rerank.errors import StateError
from search_rerank.filters import Model
from service.in_time import from_state

if TYPE_CHECKING:
    from service.runtime import Runtime

logger = logging.getLogger(__name__)
Id = Annotated[str, Field(min_length=1, max_length=512)]


class Asking(Model):
    """What a request says of who asks.

    Parameters
    ----------
    user, session
        Who asks.
    personalise
        False reads and stores nothing of the shopper.
    """

    user: Id | None = None
    session: Id | None = None
    personalise: bool = True


A = TypeVar("A", bound=Asking)


def consented(run: Runtime, asked: A) -> A:
    """Return a request as its shopper agreed to it: nobody's where they, or it, want that.

    The pipeline finds out by itself, and tells in `Answer.personalised`.
    """
    user = asked.user
    if asked.personalise and (user is None or not opted_out(run, user)):
        return asked
    return nobodys(asked)


def nobodys(asked: A) -> A:
    """Return a request of which nobody can tell whose it was."""
    return asked.model_copy(update={"personalise": False, "user": None, "session": None})


def opted_out(run: Runtime, user: str) -> bool:
    """Return whether a user opted out; where the state cannot tell, they did."""
    try:
        with run.pipeline() as pipeline:
            return from_state(pipeline, partial(run.state.opted_out, user))
    except StateError as error:
        logger.warning("a request is not personalised: %s", error)
        return True
