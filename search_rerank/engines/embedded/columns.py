"""What a reader holds in memory of each item, brought up to date by what changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.state import State

_FEW = 2_000
"""More new items than these are sorted with all others, not put between them one by one."""


@dataclass(frozen=True)
class Columns:
    """The items of one state, each at its place.

    Parameters
    ----------
    state
        What the version was at.
    rows
        int64 (n,), ascending.
    ids
        Of each item.
    boost
        float64 (n,).
    slots
        int64 (n,), of the vector, -1 without one.
    browse
        intp (n,), places by descending boost, then id.
    row_of
        Id to row; shared with later states, so that it may know newer rows.
    """

    state: State
    rows: NDArray[np.int64]
    ids: list[str]
    boost: NDArray[np.float64]
    slots: NDArray[np.int64]
    browse: NDArray[np.intp]
    row_of: dict[str, int]

    def places(self, ids: Iterable[str]) -> NDArray[np.intp]:
        """Return where items are, in the order asked, those left out that are not there."""
        held = map(self.row_of.get, ids)
        rows = np.array([row for row in held if row is not None], dtype=np.int64)
        if not len(rows) or not len(self.rows):
            return np.zeros(0, dtype=np.intp)
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        found: NDArray[np.intp] = places[self.rows[places] == rows]
        return found

    def known(
        self, rows: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of rows; the words may be a moment newer than the items."""
        if not len(self.rows):
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        known = self.rows[places] == rows
        return places[known], scores[known]


def read_columns(items: ItemFile, before: Columns | None) -> Columns:
    """Return the columns of the newest state; of those before only what changed is read."""
    state, added, gone = items.changes(before.state if before is not None else None)
    rows, ids, boost, slots = _arrays(added)
    if before is None or gone is None:
        return Columns(
            state, rows, ids, boost, slots, _browse(ids, boost), dict(zip(ids, rows, strict=True))
        )
    dead = np.searchsorted(before.rows, np.array(sorted(gone), dtype=np.int64))
    keep = np.ones(len(before.rows), dtype=bool)
    keep[dead] = False
    kept_ids = before.ids.copy()
    for place in reversed(dead.tolist()):
        id_, row = kept_ids.pop(place), before.rows[place]
        if before.row_of.get(id_) == row:
            del before.row_of[id_]
    before.row_of.update(zip(ids, rows, strict=True))
    old = np.cumsum(keep) - 1
    browse = old[before.browse[keep[before.browse]]]
    all_ids = kept_ids + ids
    all_boost = np.concatenate([before.boost[keep], boost])
    if len(ids) > _FEW:
        browse = _browse(all_ids, all_boost)
    elif ids:
        new = sorted(range(len(kept_ids), len(all_ids)), key=lambda p: (-all_boost[p], all_ids[p]))
        where = [
            bisect_left(
                browse, (-all_boost[p], all_ids[p]), key=lambda q: (-all_boost[q], all_ids[q])
            )
            for p in new
        ]
        browse = np.insert(browse, where, new)
    return Columns(
        state,
        np.concatenate([before.rows[keep], rows]),
        all_ids,
        all_boost,
        np.concatenate([before.slots[keep], slots]),
        browse,
        before.row_of,
    )


def _arrays(
    added: list[tuple[int, str, float, int | None]],
) -> tuple[NDArray[np.int64], list[str], NDArray[np.float64], NDArray[np.int64]]:
    n = len(added)
    rows = np.fromiter((row[0] for row in added), np.int64, n)
    boost = np.fromiter((row[2] for row in added), np.float64, n)
    slots = np.fromiter((-1 if row[3] is None else row[3] for row in added), np.int64, n)
    return rows, [row[1] for row in added], boost, slots


def _browse(ids: list[str], boost: NDArray[np.float64]) -> NDArray[np.intp]:
    by_id = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.intp)
    return by_id[np.argsort(-boost[by_id], kind="stable")]
