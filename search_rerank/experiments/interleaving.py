"""Two rankers in one list: whose items are clicked tells which is better, in few sessions.

Team-draft interleaving (Radlinski, Kurup and Joachims, CIKM 2008): the rankers take turns like
captains choosing teams, a coin says who begins each round, and each takes the best of their items
that is not taken yet. Each shopper is their own control, so that differences among shoppers, which
an A/B test must average out, do not matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", bound=Hashable)
Team = Literal["a", "b"]


@dataclass(frozen=True)
class Interleaved(Generic[Item]):
    """A list made of two.

    Parameters
    ----------
    items
        In the order to show them.
    teams
        For each item who chose it; None for those that only one list was left to give, and for
        those at the head that both lists agree on: their clicks tell nothing.
    """

    items: tuple[Item, ...]
    teams: tuple[Team | None, ...]


def team_draft(a: Sequence[Item], b: Sequence[Item], seed: int) -> Interleaved[Item]:
    """Return the team draft of two lists.

    Parameters
    ----------
    a, b
        Distinct items each, best first.
    seed
        Tosses the coins; the same gives the same list, as the pages of one search need
        (`search_rerank.experiments.assignment.seed`).
    """
    begins = np.random.default_rng(seed).random(min(len(a), len(b))) < 0.5
    agreed = agreement(a, b)
    items: dict[Item, Team | None] = dict.fromkeys(a[:agreed])
    left_a, left_b = iter(a[agreed:]), iter(b[agreed:])
    for a_begins in begins.tolist():
        turns: tuple[Team, Team] = ("a", "b") if a_begins else ("b", "a")
        for team in turns:
            left = left_a if team == "a" else left_b
            choice = next((item for item in left if item not in items), None)
            if choice is None:  # the other goes on without a rival
                rest = [*left_a, *left_b]
                items |= {item: None for item in rest if item not in items}
                return Interleaved(tuple(items), tuple(items.values()))
            items[choice] = team
    items |= {item: None for item in [*left_a, *left_b] if item not in items}
    return Interleaved(tuple(items), tuple(items.values()))


def agreement(a: Sequence[Item], b: Sequence[Item]) -> int:
    """Return how many items at the head two lists have in common, place by place."""
    apart = (n for n, (one, other) in enumerate(zip(a, b, strict=False)) if one != other)
    return next(apart, min(len(a), len(b)))


def team_drafts(
    a: NDArray[np.int64], b: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the team drafts of many pairs of orders of the same items.

    Parameters
    ----------
    a, b
        int64 (r, n) each, the place of each of n items in the two orders.

    Returns
    -------
    tuple
        The place of each item in the list, int64 (r, n), and its team, int8 (r, n): 1 of a, -1 of
        b, 0 for the items at the head that both agree on.
    """
    r, n = a.shape
    row = np.arange(r)
    order_a, order_b = np.argsort(a, axis=1), np.argsort(b, axis=1)
    same = np.cumprod(order_a == order_b, axis=1).sum(axis=1)  # (r,), items agreed on
    agreed = a < same[:, None]
    place = np.where(agreed, a, -1)
    team = np.zeros((r, n), dtype=np.int8)
    filled = same.copy()
    for _ in range((n + 1) // 2):
        a_begins: NDArray[np.bool_] = np.asarray(rng.random(r) < 0.5)
        for turn in range(2):
            of_a: NDArray[np.bool_] = a_begins if turn == 0 else ~a_begins
            rank = np.where(of_a[:, None], a, b)
            choice = np.argmin(np.where(place < 0, rank, n), axis=1)
            open_: NDArray[np.bool_] = np.asarray(filled < n)
            place[row[open_], choice[open_]] = filled[open_]
            team[row[open_], choice[open_]] = np.where(of_a[open_], 1, -1)
            filled += open_
    return place, team
