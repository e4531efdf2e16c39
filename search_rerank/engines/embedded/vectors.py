"""The vectors of one embedded version as readers see them: compared, or found by a graph."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.embedded.codes import Codes
from search_rerank.engines.embedded.state import State

if TYPE_CHECKING:
    from usearch.index import Index

_FEW = 4
"""Up to so many times what is asked for are compared at once."""
_MOST = 5_000
"""Where a graph would have to give more than this to leave enough, every vector is compared."""


class VectorFile:
    """Reads the vectors of one state of a version.

    Parameters
    ----------
    folder, state
        Where, and what it is at.
    dim
        Length of a vector.
    slots
        int64 (n,), of each item the place of its vector in the file, -1 for those without.
    num_candidates
        Vectors that a graph looks at, at least.
    before
        What was read of another state, whose graphs may be the same.
    """

    def __init__(
        self,
        folder: Path,
        state: State,
        dim: int,
        slots: NDArray[np.int64],
        num_candidates: int,
        before: VectorFile | None = None,
    ) -> None:
        self._slots = slots
        self._present = slots >= 0
        self._places = np.full(state.next_slot, -1, dtype=np.intp)
        self._held = places = np.flatnonzero(self._present)
        self._places[slots[places]] = places
        self._unused = np.flatnonzero(self._places < 0)
        self._newer = places[slots[places] >= state.covered]
        self._rows: NDArray[np.float32] = np.zeros((0, dim), dtype=np.float32)
        if state.next_slot and dim:
            shape = (state.next_slot, dim)
            self._rows = np.memmap(folder / state.vectors_file, "<f4", "r", shape=shape)
        self._graph_files = state.graph_files
        self._graphs: list[Index]
        if before is not None and before._graph_files == state.graph_files:
            self._graphs = before._graphs
        else:
            files = [folder / name for name in state.graph_files]
            self._graphs = [_graph(file, dim, num_candidates) for file in files]
        self._file = state.vectors_file
        self._codes: Codes | None = None  # with graphs only a small share is ever compared
        if not self._graphs:
            same = before is not None and before._file == self._file
            self._codes = Codes(self._rows, before._codes if before is not None and same else None)

    def nearest(
        self, vector: NDArray[np.float32], k: int, mask: NDArray[np.bool_] | None
    ) -> NDArray[np.intp]:
        """Return the places of the k nearest items, nearest first, among those of the mask."""
        allowed = self._present if mask is None else self._present & mask
        held = self._held if mask is None else np.flatnonzero(allowed)
        places = self._by_graph(vector, k, allowed, len(held))
        if places is None:
            places = held
        if self._codes is not None and len(places) > _FEW * k:
            barred = self._unused
            if mask is not None:
                others = np.ones(len(self._places), dtype=bool)
                others[self._slots[held]] = False
                barred = np.flatnonzero(others)
            places = np.sort(self._places[self._codes.contenders(_unit(vector), k, barred)])
        cosine = self.cosine(vector, places)
        if len(places) > k:
            best = np.sort(np.argpartition(-cosine, k - 1)[:k])
            places, cosine = places[best], cosine[best]
        return places[np.argsort(-cosine, kind="stable")]

    def cosine(self, vector: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the cosine of some items, NaN for those without a vector."""
        cosine = np.full(len(places), np.nan)
        present = self._present[places]
        slots, unit = self._slots[places[present]], _unit(vector)
        # All at once is faster than to gather a quarter of them.
        whole = 4 * len(slots) > len(self._rows)
        cosine[present] = (self._rows @ unit)[slots] if whole else self._rows[slots] @ unit
        return cosine

    def _by_graph(
        self,
        vector: NDArray[np.float32],
        k: int,
        allowed: NDArray[np.bool_],
        count: int,
    ) -> NDArray[np.intp] | None:
        """Return allowed items among which the nearest are; None where a graph is no help."""
        if not count or not self._graphs:
            return None
        # From each graph as many, of all it knows, as leave k when only those allowed stay: twice
        # what is asked for, which makes up for the 8 bits.
        asked = math.ceil(k * len(self._places) / count)
        if asked > _MOST:
            return None
        unit = _unit(vector)
        keys = [graph.search(unit, min(asked, len(graph))).keys for graph in self._graphs]
        found = self._places[np.concatenate(keys).astype(np.intp)]
        found = found[found >= 0]
        found = np.concatenate([found[allowed[found]], self._newer[allowed[self._newer]]])
        return None if len(found) < min(k, count) else found


def _graph(path: Path, dim: int, num_candidates: int) -> Index:
    from usearch.index import Index

    graph = Index(ndim=dim, metric="cos", dtype="i8", expansion_search=num_candidates)
    graph.view(str(path))
    return graph


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.linalg.norm(vector)
