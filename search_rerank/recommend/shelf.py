"""What the live index holds, asked without words: the most demanded, the nearest, given items."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.base import Engine, Retrieve
from search_rerank.query import Candidates, Filters
from search_rerank.retriever import NO_WORD

_LISTED = 1_000
"""Ids that are asked about at once: ten values count as one condition, of which 200 may be."""


@dataclass(frozen=True)
class Shelf:
    """The items of the live index that meet the filters.

    Parameters
    ----------
    engine
        Where the items are.
    filters
        What all of them must meet.
    """

    engine: Engine
    filters: Filters

    def popular(self, n: int) -> Retrieve:
        """Return how to ask for the n most demanded items, as the index knew demand."""
        return Retrieve("", filters=self.filters, k=n)

    def near(self, vector: NDArray[np.float32], n: int) -> Sequence[str]:
        """Return the n items nearest to a vector."""
        asked = Retrieve(NO_WORD, vector=vector, filters=self.filters, k=n)
        return self.engine.retrieve(asked).ids

    def named(self, text: str, n: int) -> Sequence[str]:
        """Return the n items that match the words of a text best."""
        return self.engine.retrieve(Retrieve(text, filters=self.filters, k=n)).ids

    def those(self, ids: Iterable[str], collapse: bool) -> Candidates:
        """Return the given items that are there, in the engine's own order without words."""
        ids = list(dict.fromkeys(ids))[:_LISTED]
        own = self.filters.terms.get("id")
        if own is not None:
            ids = [id_ for id_ in ids if id_ in own]
        if not ids:
            return nothing()
        if self.filters or collapse:
            asked = replace(self.filters, terms={**self.filters.terms, "id": tuple(ids)})
            request = Retrieve("", filters=asked, k=len(ids), collapse=collapse)
            found = self.engine.retrieve(request)
        else:  # cheaper, and no filter of its own that an engine would remember
            found = self.engine.score(Retrieve(""), ids)
        return replace(found, total=len(found), total_exact=True)


def nothing() -> Candidates:
    """Return no candidates."""
    none = np.zeros(0, dtype=np.float32)
    return Candidates([], none, none, none)


def in_turn(lists: Iterable[Sequence[str]], left_out: Collection[str], n: int) -> list[str]:
    """Return n distinct ids, taken from the lists in turn, each list's first ones first."""
    found: dict[str, None] = {}
    waiting = [iter(one) for one in lists]
    while waiting and len(found) < n:
        left = []
        for one in waiting:
            for id_ in one:
                if id_ not in found and id_ not in left_out:
                    found[id_] = None
                    left.append(one)
                    break
        waiting = left
    return list(found)[:n]
