"""What a fitted scorer has not seen yet, and how it may take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events

How = Literal["kept", "refitted", "updated"]
"""What an update did to a scorer: nothing but that new items are unknown to it; a fit on the whole
log; a correction by what is new."""


@dataclass(frozen=True)
class News:
    """Interactions and items that came after a fit.

    Parameters
    ----------
    events
        Every interaction of the actors who did something new, theirs of before included, in time
        order; all before `now_ms`.
    new
        bool (n,), which of `events` the scorer has not seen; they need not be the latest.
    catalogue
        The catalogue of the fit, new items at its end: old numbers mean what they meant.
    since_ms
        The `now_ms` of the fit or of the update before: the scorer's ages count from there.
    now_ms
        The `now_ms` of the update.
    whole
        Returns the whole log, what is new included, numbered as `catalogue`; asked for only by
        scorers that cannot do without, for it is the dearest part of an update.
    """

    events: Events
    new: NDArray[np.bool_]
    catalogue: Catalogue
    since_ms: int
    now_ms: int
    whole: Callable[[], Events]

    @classmethod
    def of(
        cls,
        whole: Events,
        new: NDArray[np.bool_],
        catalogue: Catalogue,
        *,
        since_ms: int,
        now_ms: int,
    ) -> Self:
        """Return the news of a log that is all in memory; `new` is bool (n,), of its rows."""
        acted = np.isin(whole.actor(), whole.actor()[new])
        return cls(whole.where(acted), new[acted], catalogue, since_ms, now_ms, lambda: whole)

    def before(self) -> Events:
        """Return what the scorer has seen of the actors who did something new."""
        return self.events.where(~self.new)

    def latest(self) -> Events:
        """Return the new interactions alone."""
        return self.events.where(self.new)
