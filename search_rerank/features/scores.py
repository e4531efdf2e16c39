"""What each scorer thinks of each candidate, raw and among the candidates."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from search_rerank.answer import Degraded
from search_rerank.features.arrays import Column, constant, place
from search_rerank.features.moment import Moment
from search_rerank.scorers.base import Scorer

log = logging.getLogger(__name__)


def columns(moment: Moment, scorers: Sequence[Scorer]) -> tuple[dict[str, Column], list[Degraded]]:
    """Return the score group, and which scorers failed: their columns are NaN."""
    found: dict[str, Column] = {}
    failed: list[Degraded] = []
    for scorer in scorers:
        try:
            scores = scorer.score(moment.history, moment.items)
        except Exception as error:  # a scorer must never cost the shopper the answer
            log.exception("scorer %s failed", scorer.name)
            failed.append(Degraded(f"score.{scorer.name}", type(error).__name__))
            scores = constant(np.nan, len(moment.items))
        found[f"score.{scorer.name}"] = scores
        found[f"score.{scorer.name}_place"] = place(scores)
    return found, failed
