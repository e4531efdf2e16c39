"""Exposure: a least share of attention for a group of items."""

from __future__ import annotations

from bisect import bisect
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from search_rerank.evaluation.exposure import place_worth
from search_rerank.rules.base import Applied, First, Rule, View, with_head
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
        before = share_of(member[:n])
        if not n or before >= self.share - _CLOSE:
            return Applied(view.order, (), {EXPOSURE: (before, before)})
        head = _fair(member, n, self.share)
        after = share_of(member[head[:n]])
        lifted = [place for now, place in enumerate(head[:n]) if place > now and member[place]]
        measured = {EXPOSURE: (before, after)}
        return Applied(with_head(view.order, head), view.order[lifted].tolist(), measured)


def share_of(member: NDArray[np.bool_]) -> float:
    """Return which share of the worth of the first places goes to members, 0 to 1, 0 of none."""
    each, up_to = _worth(len(member))
    return float(each[member].sum()) / up_to[-1] if len(member) else 0.0


@lru_cache
def _worth(n: int) -> tuple[NDArray[np.float64], list[float]]:
    """Return what each of n places is worth, and the first 0, 1, … n of them together."""
    each = place_worth(n)
    return each, [0.0, *np.cumsum(each).tolist()]


def _fair(member: NDArray[np.bool_], n: int, share: float) -> list[int]:
    """Return the first places in a new order; n of them are given away, what is left follows."""
    _, total = _worth(n)
    group, others = (of.nonzero()[0].tolist() for of in (member, ~member))
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
    last = max(taken)
    passed = others[o : bisect(others, last)] + group[g : bisect(group, last)]
    return taken + sorted(passed)
