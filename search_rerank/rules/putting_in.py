"""Items that pins name and the engine did not return: found, scored, and put after the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.in_use import InUse
from search_rerank.query import Candidates


def with_items(
    found: Candidates,
    wanted: Collection[str],
    admits: Callable[[Item], bool],
    request: Retrieve,
    in_use: InUse,
) -> Candidates:
    """Return candidates with those of the wanted items at the end that the index holds.

    They have the scores that the engine gives them, their place apart: no fused score is above
    that of what was found.

    Parameters
    ----------
    admits
        Whether an item may be put in.
    request
        What the engine was asked.

    Raises
    ------
    EngineError
        When the engine cannot tell.
    """
    stored = in_use.retriever.engine.lookup(sorted(wanted))
    ids = [one.item.id for one in stored if one is not None and admits(one.item)]
    if not ids:
        return found
    more = in_use.retriever.score(request, ids)
    least = found.score[-1] if len(found) else np.float32(np.inf)
    return replace(
        found,
        ids=[*found.ids, *more.ids],
        lexical=np.concatenate([found.lexical, more.lexical]),
        vector=np.concatenate([found.vector, more.vector]),
        score=np.concatenate([found.score, np.minimum(more.score, least)]),
    )


def without_variants(
    order: NDArray[np.intp], group: NDArray[np.int32], placed: Iterable[int]
) -> NDArray[np.intp]:
    """Return an order without other variants of the products whose items have their places.

    Parameters
    ----------
    group
        int32 (n,), by row, of which product an item is a variant; -1 of none.
    placed
        Rows of pinned items.
    """
    own = set(placed)
    taken = {int(group[row]) for row in own} - {-1}
    kept = [row for row in order.tolist() if row in own or int(group[row]) not in taken]
    return np.array(kept, dtype=np.intp)
