"""Boost and bury: items that rise or sink by some places."""

from __future__ import annotations

from typing import Literal

import numpy as np

from search_rerank.rules.base import Applied, First, Rule, View
from search_rerank.rules.where import Where


class _Shift(Rule):
    where: Where
    places: First = 10

    @property
    def wheres(self) -> list[Where]:
        return [self.where]

    def _shifted(self, view: View, by: float) -> Applied:
        (met,) = view.facts.meets(self.where)[view.order].nonzero()
        if not len(met):
            return Applied(view.order)
        places = np.arange(len(view.order), dtype=np.float64)
        places[met] += by
        order = view.order[places.argsort(kind="stable")]
        return Applied(order, view.order[met].tolist())


class Boost(_Shift):
    """Lets items that meet a condition overtake those that do not.

    Each overtakes the others among the so many places above its own; those that meet the
    condition keep their order among themselves, and so do the others. Places and not scores are
    what is changed, since the scores of two fusions, and of one on two queries, have no scale in
    common.

    Parameters
    ----------
    where
        Which items.
    places
        How many places above their own they may overtake.
    """

    kind: Literal["boost"] = "boost"

    def apply(self, view: View) -> Applied:
        """Let the items rise."""
        return self._shifted(view, -self.places - 0.5)


class Bury(_Shift):
    """Lets items that meet a condition be overtaken by those that do not: a boost the other way.

    Parameters
    ----------
    where
        Which items.
    places
        Others from so many places below them come before them.
    """

    kind: Literal["bury"] = "bury"

    def apply(self, view: View) -> Applied:
        """Let the items sink."""
        return self._shifted(view, self.places + 0.5)
