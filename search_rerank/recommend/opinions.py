"""The items of a catalogue that scorers like best for a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.scorers.base import Scorer
from search_rerank.scorers.neighbours import Neighbours, ranges
from search_rerank.scorers.numbers import profile
from search_rerank.stages import Stages

Numbers = NDArray[np.int32]
_DECAY = 0.9
"""Weight of a history's item against the one after it, in its mean vector."""


def best(
    scorers: Iterable[Scorer],
    history: History,
    items: Numbers,
    n: int,
    stages: Stages,
) -> list[Numbers]:
    """Return the n best of the items for each scorer that has an opinion, best first.

    What has a scorer's least score is not among its best: a neighbour's score is 0 for most. A
    scorer that fails or is late is named by the stages and has none.
    """
    found = []
    for scorer in scorers:
        found += _liked(scorer, history, items, n, None, stages)
    return found


def related(scorers: Iterable[Scorer], history: History, n: int, stages: Stages) -> list[Numbers]:
    """Return the n most related items of a history for each scorer of neighbours, best first."""
    found = []
    for scorer in scorers:
        if isinstance(scorer, Neighbours):
            items = neighbours([scorer], history.items)
            found += _liked(scorer, history, items, n, -np.inf, stages)
    return found


def neighbours(scorers: Iterable[Scorer], items: Numbers) -> Numbers:
    """Return all that is in the lists of neighbours of items, each once."""
    lists = [
        scorer.neighbour[_entries(scorer, items)]
        for scorer in scorers
        if isinstance(scorer, Neighbours)
    ]
    return np.unique(np.concatenate(lists)) if lists else np.zeros(0, dtype=np.int32)


def centre(catalogue: Catalogue, history: History) -> NDArray[np.float32] | None:
    """Return the unit mean vector of a history, newer items weighing more; None without any."""
    has = np.zeros(len(catalogue), dtype=bool)
    has[history.items] = catalogue.vectors[history.items].any(axis=1)
    items, weight = profile(history, has, _DECAY)
    mean: NDArray[np.float32] = weight @ catalogue.vectors[items]
    length = float(np.linalg.norm(mean))
    return (mean / length).astype(np.float32) if length > 0 else None


def _liked(
    scorer: Scorer,
    history: History,
    items: Numbers,
    n: int,
    above: float | None,
    stages: Stages,
) -> list[Numbers]:
    """Return the n items with the highest scores above a bound, the least score for None."""
    name, breaker = f"candidates.{scorer.name}", stages.guards.scorer(scorer.name)
    try:
        scores = stages.run(
            name,
            lambda: scorer.score(history, items),
            breaker,
            of="candidates",
            share=0.5,
            errors=False,
        )
    except Exception as error:  # a scorer must never cost the shopper the answer
        stages.lost(name, error)
        return []
    rows = np.flatnonzero(~np.isnan(scores))
    least = scores[rows].min(initial=np.inf) if above is None else above
    rows = rows[scores[rows] > least]
    if len(rows) > n:
        rows = rows[np.argpartition(-scores[rows], n - 1)[:n]]
    return [items[rows[np.lexsort((rows, -scores[rows]))]]] if len(rows) else []


def _entries(scorer: Neighbours, items: Numbers) -> NDArray[np.int64]:
    valid = items[(items >= 0) & (items < len(scorer.known))]
    entries, _ = ranges(scorer.starts[valid], scorer.starts[valid + 1])
    return entries


def ids_of(catalogue: Catalogue, lists: Iterable[Numbers]) -> list[Sequence[str]]:
    """Return lists of numbers as lists of ids."""
    return [[catalogue.ids.id(number) for number in one.tolist()] for one in lists]
