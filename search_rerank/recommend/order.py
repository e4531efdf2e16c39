"""Whether the candidates of a recommendation stay in the order they were collected in."""

from __future__ import annotations

from collections.abc import Sequence

from search_rerank.in_use import InUse
from search_rerank.recommend.request import Recommend
from search_rerank.state.base import Past


def keeps_order(asked: Recommend, past: Sequence[Past], in_use: InUse) -> bool:
    """Return whether candidates stay in the order they were collected in: no bundle has a say.

    So it is with what was viewed, with what is trending for somebody of whom nothing is known, and
    with what is like an item that the bundle does not know yet.
    """
    if asked.scope == "trending":
        return not past
    return asked.scope == "recently_viewed" or is_new(asked, in_use)


def is_new(asked: Recommend, in_use: InUse) -> bool:
    """Return whether the item asked about is one that the bundle does not know yet."""
    if asked.scope != "similar" or asked.item is None or in_use.bundle is None:
        return False
    return asked.item not in in_use.bundle.catalogue.ids
