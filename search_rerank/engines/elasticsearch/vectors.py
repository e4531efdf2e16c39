"""Vectors of documents that this process has read from the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.elasticsearch.search import State
from search_rerank.engines.elasticsearch.versions import Known

_ENTRY_BYTES = 250
"""Of Python's objects, beside the numbers of a vector."""


class Vectors:
    """Keeps vectors of one version, each with the state of the document that it is of.

    A document that was written again has another state, so that an old vector is never taken for
    the new one. Once the room is full nothing more is kept until another version is asked.

    Parameters
    ----------
    mb
        Megabytes they may take.
    """

    def __init__(self, mb: float) -> None:
        self._bytes = int(mb * 1e6)
        self._lock = Lock()
        self._version: object = None
        self._row: dict[str, tuple[State, int]] = {}
        self._rows = np.zeros((0, 0), dtype=np.float32)

    def room(self, version: Known) -> int:
        """Return how many more may be kept."""
        with self._lock:
            self._turn_to(version)
            return len(self._rows) - len(self._row)

    def keep(
        self, version: Known, found: Iterable[tuple[str, State, NDArray[np.float32] | None]]
    ) -> None:
        """Keep vectors by id and state, at unit length; None for a document without one."""
        with self._lock:
            self._turn_to(version)
            for id_, state, vector in found:
                _, row = self._row.get(id_, (state, len(self._row)))
                if row == len(self._rows):
                    return
                self._rows[row] = np.nan if vector is None else vector / np.linalg.norm(vector)
                self._row[id_] = state, row

    def cosines(
        self,
        version: Known,
        vector: NDArray[np.float32],
        ids: Sequence[str],
        states: Sequence[State],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of the documents whose vectors are here, and the cosines of those.

        NaN where a document has no vector.
        """
        with self._lock:
            self._turn_to(version)
            known = [
                (place, entry[1])
                for place, (entry, state) in enumerate(
                    zip(map(self._row.get, ids), states, strict=True)
                )
                if entry is not None and entry[0] == state
            ]
            places, rows = np.array(known, dtype=np.intp).reshape(-1, 2).T
            # In 64 bits, so that equal vectors are equally near whatever rows they are in.
            vectors = self._rows[rows].astype(np.float64)
        return places, vectors @ (vector / np.linalg.norm(vector))

    def _turn_to(self, version: Known) -> None:
        if self._version == version.identity:
            return
        dim = version.schema.dim
        self._version, self._row = version.identity, {}
        # What is not written to yet takes no memory.
        self._rows = np.empty((self._bytes // (4 * dim + _ENTRY_BYTES), dim), dtype=np.float32)
