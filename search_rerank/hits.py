"""Candidates and their scores as the hits of an answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Hit
from search_rerank.features.table import FeatureTable
from search_rerank.query import Candidates


def make_hits(
    candidates: Candidates,
    scores: NDArray[np.floating],
    order: NDArray[np.intp],
    table: FeatureTable | None,
) -> list[Hit]:
    """Return the candidates as hits.

    Parameters
    ----------
    candidates
        In the engine's order.
    scores
        (n,), by which they were ordered.
    order
        (n,) or fewer, rows of the candidates, best first.
    table
        Their features, where each hit is to carry them; None where not.
    """
    lexical, vector = candidates.lexical.tolist(), candidates.vector.tolist()
    values = scores.tolist()
    return [
        Hit(
            id=candidates.ids[row],
            score=values[row],
            engine_rank=row,
            lexical=_known(lexical[row]),
            vector=_known(vector[row]),
            features=_features(table, row) if table is not None else None,
        )
        for row in order.tolist()
    ]


def _features(table: FeatureTable, row: int) -> dict[str, float | None]:
    return dict(zip(table.names, map(_known, table.X[row].tolist()), strict=True))


def _known(value: float) -> float | None:
    return value if value == value else None
