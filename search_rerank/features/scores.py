"""What each scorer thinks of each candidate, raw and among the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from search_rerank.answer import Degraded
from search_rerank.features.arrays import Column, Placed, constant
from search_rerank.features.moment import Moment
from search_rerank.scorers.base import Scorer
from search_rerank.stages import Stages, lost

_SHARE = 0.5
"""Of the time that is left to the features, which one scorer may take."""


def columns(
    moment: Moment, scorers: Sequence[Scorer], stages: Stages
) -> tuple[dict[str, Column | Placed], list[Degraded]]:
    """Return the score group, and which scorers failed or were late: their columns are NaN.

    One that was late again and again is left out for a while.
    """
    found: dict[str, Column | Placed] = {}
    failed: list[Degraded] = []
    for scorer in scorers:
        name = f"score.{scorer.name}"
        try:
            scores = stages.run(
                name,
                partial(_scored, scorer, moment),
                stages.guards.scorer(scorer.name),
                of="features",
                share=_SHARE,
                errors=False,
            )
        except Exception as error:  # a scorer must never cost the shopper the answer
            failed.append(lost(name, error))
            scores = constant(np.nan, len(moment.items))
        found[name] = scores
        found[f"{name}_place"] = Placed(scores)
    return found, failed


def _scored(scorer: Scorer, moment: Moment) -> Column:
    return scorer.score(moment.history, moment.items)
