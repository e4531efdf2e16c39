"""From what candidates were collected that keep the order they came in."""

from __future__ import annotations

from collections.abc import Sequence

from search_rerank.answer import Basis
from search_rerank.basis import basis_of, filters_category
from search_rerank.recommend.request import Recommend
from search_rerank.state.base import Past


def basis_of_candidates(asked: Recommend, past: Sequence[Past]) -> Basis:
    """Return from what candidates were collected that nothing ranked."""
    of = past if asked.scope == "recently_viewed" else []
    own = [one.session is not None and one.session == asked.session for one in of]
    return basis_of(own, asked.item is not None or filters_category(asked.filters))
