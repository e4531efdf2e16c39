"""New items get a fair chance: a few places of each ten, the same ones for a shopper all day."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import ExplorationConfig
from search_rerank.features.moment import Moment
from search_rerank.query import Query

TEN = 10
_DRAWN_FROM = 5
"""A place is drawn for among so many times `slots` of the best new items."""
_DAY_MS = 86_400_000


def explore(
    order: NDArray[np.intp], new: NDArray[np.bool_], settings: ExplorationConfig, seed: int
) -> tuple[NDArray[np.intp], list[int]]:
    """Return an order in which new items rose to a few places, and the rows that did.

    Of each ten places at most `slots` are given; new items that stand there already count. Those
    that rise stood among the first `reach`, below the ten that takes them. All others keep their
    order, and nothing moves above `first_place`.

    Parameters
    ----------
    order
        (n,), rows, best first.
    new
        bool (n,), by row.
    settings
        How much is explored.
    seed
        Decides between the best new items and between the places; the same gives the same.
    """
    waiting = [place for place in np.flatnonzero(new[order]).tolist() if place < settings.reach]
    if not waiting:
        return order, []
    slots, rng = settings.slots, np.random.default_rng(seed)
    places: dict[int, int] = {}
    """Place to the one that its item comes from."""
    for start in range(0, min(len(order), settings.reach), TEN):
        end = start + TEN
        there = sum(start <= place < end for place in waiting)
        below = [place for place in waiting if place >= end]
        given = min(max(slots - there, 0), len(below))
        first = max(start, settings.first_place - 1)
        free = rng.permutation(np.arange(first, end))[:given].tolist()
        drawn = rng.permutation(np.array(below[: _DRAWN_FROM * slots], dtype=np.intp))
        risen = drawn[: len(free)].tolist()
        places |= dict(zip(sorted(free), sorted(risen), strict=True))
        waiting = [place for place in below if place not in risen]
    return _moved(order, places), [int(order[place]) for place in places.values()]


def is_new(
    moment: Moment, settings: ExplorationConfig, added: Collection[str]
) -> NDArray[np.bool_]:
    """Return which candidates are new, bool (n,): not learnt from yet, or added lately.

    Parameters
    ----------
    moment
        The candidates, what the bundle knows of them, and what was done with them.
    settings
        How little must have been done with a new item.
    added
        Ids of the items that were added lately, as far as the shop says so.
    """
    new: NDArray[np.bool_] = moment.items < 0
    if added:
        new = new | np.array([id_ in added for id_ in moment.candidates.ids], dtype=bool)
    few: NDArray[np.bool_] = moment.counts.decayed[:, -1] < settings.interactions
    return new & few


def seed_of(query: Query, personalise: bool) -> int:
    """Return a number that stays the same for a shopper, their query and filters for a day."""
    who = (query.user or query.session or "") if personalise else ""
    words = " ".join(query.text.casefold().split())
    parts = (who, words, repr(query.filters), str(query.now_ms // _DAY_MS))
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _moved(order: NDArray[np.intp], places: dict[int, int]) -> NDArray[np.intp]:
    """Return an order with some of its rows at other places, the rest as it was."""
    taken = set(places.values())
    rest: Sequence[int] = [place for place in range(len(order)) if place not in taken]
    found = iter(rest)
    moved = [places[n] if n in places else next(found) for n in range(len(order))]
    return order[np.array(moved, dtype=np.intp)]
