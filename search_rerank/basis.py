"""From what an answer knew its shopper: the ladder of cold start, and which rung was reached."""

from __future__ import annotations

from collections.abc import Sequence

from search_rerank.answer import Basis
from search_rerank.features.moment import Moment
from search_rerank.query import Filters


def basis_of(in_session: Sequence[bool], context: bool) -> Basis:
    """Return the highest rung that holds.

    Parameters
    ----------
    in_session
        Of each known interaction of the shopper whether it belongs to the request's session.
    context
        Whether there was demand where the shopper asks.
    """
    if len(in_session):
        return "session" if all(in_session) else "history"
    return "segment" if context else "popularity"


def basis_of_moment(moment: Moment, with_item: bool = False) -> Basis:
    """Return the rung of a moment.

    The context is the query where others took candidates after the same words, the category that
    the request is filtered by where there was demand for candidates, or an item asked about.
    """
    asked = with_item or bool((moment.query_counts > 0).any())
    context = asked or (
        filters_category(moment.query.filters) and bool((moment.counts.decayed > 0).any())
    )
    return basis_of(moment.history.in_session.tolist(), context)


def filters_category(filters: Filters) -> bool:
    """Return whether every item that meets the filters is of categories they name."""
    return "category" in filters.terms or any(map(filters_category, filters.all_of))
