"""Exposure: a least share of attention for a group of items."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from search_rerank.evaluation.exposure import place_worth
from search_rerank.rules.base import Applied, First, Rule, View
from search_rerank.rules.where import Where

EXPOSURE = "exposure"
_CLOSE = 1e-9


class Exposure(Rule):
    """Gives items that meet a condition at least a share of the exposure of the first places.

    A place is worth ``1 / log2(place + 1)``, 1 the first (Singh and Joachims, 2018). Places are
    given away from the first on, each to the best item left, but to the best of the group where
    it would else fall behind its share up to here by more than this place is worth, so that it is
    spread as in FA*IR (Zehlike and others, 2017) and not put at the end, or where its share could
    not be reached any more. A ranking in which it has its share is left as it is; where the group
    is too small, it gets what it can.

    Parameters
    ----------
    where
        Which items.
    share
        Of the exposure, above 0, at most 1.
    first
        Of how many places.
    """

    kind: Literal["exposure"] = "exposure"
    where: Where
    share: Annotated[float, Field(gt=0, le=1)]
    first: First = 10

    @property
    def wheres(self) -> list[Where]:
        """The group."""
        return [self.where]

    def apply(self, view: View) -> Applied:
        """Lift items of the group as far as it takes."""
        member = view.facts.meets(self.where)[view.order]
        n = min(self.first, len(member))
        worth = place_worth(n)
        before = share_of(member[:n], worth)
        if not n or before >= self.share - _CLOSE:
            return Applied(view.order, (), {EXPOSURE: (before, before)})
        taken = _fair(member, worth, self.share)
        after = share_of(member[taken[:n]], worth)
        lifted = [place for now, place in enumerate(taken[:n]) if member[place] and place > now]
        return Applied(
            view.order[np.array(taken, dtype=np.intp)],
            view.order[lifted].tolist(),
            {EXPOSURE: (before, after)},
        )


def share_of(member: NDArray[np.bool_], worth: NDArray[np.float64]) -> float:
    """Return which share of the worth of places goes to members, 0 to 1, 0 of no places."""
    total = float(worth.sum())
    return float(worth[member].sum()) / total if total else 0.0


def _fair(member: NDArray[np.bool_], worth: NDArray[np.float64], share: float) -> list[int]:
    """Return the places in the order in which they are taken."""
    n, total = len(worth), np.concatenate([[0.0], np.cumsum(worth)]).tolist()
    group, others = np.flatnonzero(member).tolist(), np.flatnonzero(~member).tolist()
    wanted = share * total[n]
    taken: list[int] = []
    got, g, o = 0.0, 0, 0
    for now in range(n):
        here = total[now + 1] - total[now]
        last = min(now + 1 + len(group) - g, n)
        late = got + total[last] - total[now + 1] < wanted - _CLOSE
        behind = got < share * total[now + 1] - here - _CLOSE
        best = g < len(group) and (o == len(others) or group[g] < others[o])
        if best or (g < len(group) and (late or behind)):
            taken.append(group[g])
            got, g = got + here, g + 1
        else:
            taken.append(others[o])
            o += 1
    return taken + sorted(group[g:] + others[o:])
