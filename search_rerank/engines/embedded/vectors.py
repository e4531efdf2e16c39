"""The vectors of one embedded version: compared one by one while few, by a graph above."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50_000
"""Up to this many items every vector is compared; above, a graph finds nearly all the nearest."""
_KEEP = 2


class VectorFile:
    """Reads the vectors of one state of a version.

    Parameters
    ----------
    folder, number, count, dim
        Where, which state, and its shape.
    present
        bool (count,), which items have a vector; the others' rows are zero.
    """

    def __init__(
        self, folder: Path, number: int, count: int, dim: int, present: NDArray[np.bool_]
    ) -> None:
        self._present = present
        self._graph_path = folder / f"graph-{number:06d}.usearch"
        self._graph = None
        self.rows: NDArray[np.float32] = np.zeros((count, dim), dtype=np.float32)
        if count and dim:
            self.rows = np.load(_path(folder, number), mmap_mode="r", allow_pickle=False)
        if self._graph_path.exists():
            from usearch.index import Index

            self._graph = Index.restore(str(self._graph_path), view=True)

    def nearest(
        self, vector: NDArray[np.float32], k: int, mask: NDArray[np.bool_] | None
    ) -> NDArray[np.intp]:
        """Return the places of the k nearest items, nearest first, among those of the mask."""
        if self._graph is not None and mask is None:
            matches = self._graph.search(vector, k, exact=False)
            return np.asarray(matches.keys, dtype=np.intp)
        allowed = self._present if mask is None else self._present & mask
        places = np.flatnonzero(allowed)
        cosine = self.cosine(vector, None if len(places) == len(allowed) else places)
        if len(places) > k:
            best = np.argpartition(-cosine, k - 1)[:k]
            places, cosine = places[best], cosine[best]
        return places[np.argsort(-cosine, kind="stable")]

    def cosine(
        self, vector: NDArray[np.float32], places: NDArray[np.intp] | None
    ) -> NDArray[np.float64]:
        """Return the cosine of some items (all where None), NaN for those without a vector."""
        rows = self.rows if places is None else self.rows[places]
        present = self._present if places is None else self._present[places]
        unit = vector / np.linalg.norm(vector)
        cosine: NDArray[np.float64] = (rows @ unit).astype(np.float64)
        cosine[~present] = np.nan
        return cosine


def write_vectors(
    folder: Path, number: int, count: int, dim: int, blobs: Iterable[bytes | None]
) -> None:
    """Write the vectors of a state, with a graph where there are many; older states go."""
    if not (count and dim):
        return
    rows = np.lib.format.open_memmap(
        _path(folder, number), mode="w+", dtype=np.float32, shape=(count, dim)
    )
    present = np.zeros(count, dtype=bool)
    for place, blob in enumerate(blobs):
        if blob is not None:
            rows[place] = np.frombuffer(blob, dtype="<f4")
            present[place] = True
    rows.flush()
    if count > EXACT_UP_TO:
        from usearch.index import Index

        graph = Index(ndim=dim, metric="cos", dtype="f32")
        places = np.flatnonzero(present)
        for part in np.array_split(places, max(1, len(places) // 10_000)):
            graph.add(part.astype(np.uint64), np.asarray(rows[part]))
        graph.save(str(folder / f"graph-{number:06d}.usearch"))
    for pattern in ("vectors-*.npy", "graph-*.usearch"):
        for old in sorted(folder.glob(pattern))[:-_KEEP]:
            old.unlink()


def _path(folder: Path, number: int) -> Path:
    return folder / f"vectors-{number:06d}.npy"
