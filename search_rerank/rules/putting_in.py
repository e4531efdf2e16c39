"""Items that pins name and the engine did not return: found, scored, and put after the others."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

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
    stored = in_use.retriever.engine.items(sorted(wanted))
    ids = [item.id for item in stored if item is not None and admits(item)]
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
