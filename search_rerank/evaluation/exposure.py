"""Who is shown how prominently: exposure of items, brands or any other groups of items.

A place is worth ``1 / log2(place + 2)``, 0 the first, as in nDCG (Singh and Joachims, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GroupExposure:
    """How much one group of items is shown.

    Parameters
    ----------
    group
        Its name; what belongs to no group is under the empty name.
    exposure
        Mean over the lists of its share of the worth of their places, 0 to 1.
    candidates
        Mean over the same lists of its share of the candidates, 0 to 1.
    ratio
        Exposure over candidates: above 1 it is shown more than an order by chance would show it.
        NaN where it has no candidate.
    """

    group: str
    exposure: float
    candidates: float
    ratio: float


def place_worth(k: int) -> NDArray[np.float64]:
    """Return what each of the first k places is worth, float64 (k,)."""
    worth: NDArray[np.float64] = 1.0 / np.log2(np.arange(k) + 2.0)
    return worth


def item_exposure(lists: NDArray[np.integer], n_items: int) -> NDArray[np.float64]:
    """Return the worth of all places of each item, float64 (n,); lists (q, k), -1 for none."""
    there = lists >= 0
    worth = np.broadcast_to(place_worth(lists.shape[1]), lists.shape)
    return np.bincount(lists[there], worth[there], n_items).astype(np.float64)


def shares_of(
    lists: NDArray[np.integer], members: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """Return each list's share of exposure that goes to some items, float64 (q,).

    For intervals and paired tests of one group. NaN for a list that shows nothing.

    Parameters
    ----------
    lists
        int (q, depth), item numbers by place, -1 for none.
    members
        bool (n,), the items of the group.
    k
        Only the first k places count.
    """
    first = lists[:, :k]
    worth = _shares(first)
    theirs = np.append(members, False)[first]  # -1, for none, is the last
    return np.where(worth.any(axis=1), np.where(theirs, worth, 0.0).sum(axis=1), np.nan)


def exposure_by_group(
    lists: NDArray[np.integer],
    groups: NDArray[np.integer],
    names: Sequence[str],
    candidates: NDArray[np.integer],
    offsets: NDArray[np.integer],
    k: int,
) -> list[GroupExposure]:
    """Return the exposure of every group beside its share of the candidates, most shown first.

    Parameters
    ----------
    lists
        int (q, depth), item numbers by place, -1 for none; a list that shows nothing is left out.
    groups
        int (n,), number of each item's group, -1 for none: `Catalogue.brand`, for example.
    names
        Names of the groups: `Catalogue.brands`.
    candidates, offsets
        int (m,) and (q + 1,): item numbers that could have been shown for each query, in the same
        order of queries; ``candidates[offsets[j]:offsets[j + 1]]`` are those of query j.
    k
        Only the first k places count.

    Returns
    -------
    list of GroupExposure
        The groups with an item among lists or candidates; their exposures add up to 1, and so do
        their shares of the candidates.

    Raises
    ------
    ValueError
        Where candidates and lists are not of as many queries.
    """
    if len(offsets) != len(lists) + 1 or len(candidates) != offsets[-1]:
        raise ValueError(
            f"expected candidates of {len(lists)} queries, found offsets of {len(offsets) - 1} "
            f"over {offsets[-1]} and {len(candidates)} candidates"
        )
    first = lists[:, :k]
    worth = _shares(first)
    shows = worth.any(axis=1)
    shown = first >= 0
    # Counted from 1, so that 0 is no group.
    exposure = np.bincount(groups[first[shown]] + 1, worth[shown], len(names) + 1)
    known = (candidates >= 0) & np.repeat(shows, np.diff(offsets))
    query = np.repeat(np.arange(len(lists)), np.diff(offsets))[known]
    per_query = np.bincount(query, minlength=len(lists))
    share = np.bincount(groups[candidates[known]] + 1, 1.0 / per_query[query], len(names) + 1)
    total = max(int(shows.sum()), 1)
    order = np.argsort(-exposure, kind="stable")
    return [
        GroupExposure(
            group="" if number == 0 else names[number - 1],
            exposure=float(exposure[number]) / total,
            candidates=float(share[number]) / total,
            ratio=float(exposure[number] / share[number]) if share[number] > 0 else np.nan,
        )
        for number in order.tolist()
        if exposure[number] > 0 or share[number] > 0
    ]


def _shares(first: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return each place's share of its list's worth, float64 (q, k), 0 where nothing is."""
    worth = np.where(first >= 0, place_worth(first.shape[1]), 0.0)
    total = worth.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = worth / np.where(total > 0, total, 1.0)
    return shares
