"""What is asked for more of late than before, by the counters as they are now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search_rerank.query import Candidates
from search_rerank.scorers.trend import rise
from search_rerank.state.base import HALF_LIVES_DAYS, State

_WEEK, _MONTH = HALF_LIVES_DAYS.index(7.0), HALF_LIVES_DAYS.index(30.0)
_SMOOTHING = 1.0


def trending(candidates: Candidates, state: State, now_ms: int, n: int) -> Candidates:
    """Return the n candidates whose demand rises most, as a score and an order.

    The score is that of the scorer `trend` over what the state has counted up to now, half-lives
    of 7 and 30 days: ``ln((week + 1) / (month * 7 / 30 + 1))``. Ties stay as they come.
    """
    decayed = state.item_counts(candidates.ids, now_ms).decayed
    week, month = decayed[:, _WEEK], decayed[:, _MONTH]
    score = rise(week, month, HALF_LIVES_DAYS[_WEEK] / HALF_LIVES_DAYS[_MONTH], _SMOOTHING)
    order = np.lexsort((np.arange(len(score)), -score))[:n]
    return replace(candidates.take(order), score=score[order], total=len(order))
