"""What each scorer thinks of each candidate, raw and among the candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from search_rerank.features.arrays import Column, constant, place
from search_rerank.features.moment import Moment
from search_rerank.scorers.base import Scorer
from search_rerank.stages import SCORER


def works(moment: Moment, scorers: Sequence[Scorer]) -> dict[str, Callable[[], Column]]:
    """Return what each scorer has to do, by the name of its column."""
    return {SCORER + one.name: partial(_scored, one, moment) for one in scorers}


def columns(moment: Moment, outcomes: Mapping[str, Column | Exception]) -> dict[str, Column]:
    """Return the score group; NaN where a scorer gave an exception instead of its column."""
    found: dict[str, Column] = {}
    for name, outcome in outcomes.items():
        if isinstance(outcome, Exception):
            scores = constant(np.nan, len(moment.items))
        else:
            scores = outcome
        found[name] = scores
        found[f"{name}_place"] = place(scores)
    return found


def _scored(scorer: Scorer, moment: Moment) -> Column:
    return scorer.score(moment.history, moment.items)
