"""Whether anything of a shopper may be known: the request and the shopper say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from search_rerank.query import Query
from search_rerank.recommend.request import Recommend
from search_rerank.stages import Stages
from search_rerank.state.base import State

A = TypeVar("A", Query, Recommend)


def consented(state: State, asked: A, personalise: bool, stages: Stages) -> tuple[A, bool]:
    """Return a request as its shopper agreed to it, and whether it may be personalised.

    It is nobody's where they, or it, want that; where the state cannot tell, too.
    """
    user = asked.user
    if personalise and user is not None:
        try:
            personalise = not stages.run(
                "consent", lambda: state.opted_out(user), stages.guards.state
            )
        except Exception as error:
            stages.lost("consent", error)
            personalise = False
    return (asked if personalise else replace(asked, user=None, session=None)), personalise
