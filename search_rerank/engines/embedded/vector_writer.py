"""Vectors in: appended to a file by slot, and graphs of those that are there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.embedded.state import State

_CHUNK = 10_000
_CONNECTIVITY = 16
_EXPANSION = 40
"""Less than usearch's own 128, which takes four times as long: on 100,000 vectors of 256 numbers in
300 clusters both find the nearest ten, and of the nearest 200 this .996 and 64 finds .9997."""


class VectorWriter:
    """Appends to the file of a state; what lies behind `State.next_slot` was never finished.

    Parameters
    ----------
    folder, state
        Where, and what the version is at.
    dim
        Length of a vector.
    """

    def __init__(self, folder: Path, state: State, dim: int) -> None:
        self._size = dim * 4
        self._written = False
        flags = os.O_RDWR | os.O_CREAT
        self._descriptor = os.open(folder / state.vectors_file, flags, 0o644)
        self.next_slot = state.next_slot

    def append(self, vectors: Sequence[NDArray[np.float32] | None]) -> list[int | None]:
        """Write vectors and return their slots, None for those that are None."""
        slots: list[int | None] = []
        data = []
        first = self.next_slot
        for vector in vectors:
            if vector is None:
                slots.append(None)
                continue
            slots.append(self.next_slot)
            data.append(vector.astype("<f4", copy=False).tobytes())
            self.next_slot += 1
        if data:
            write_at(self._descriptor, b"".join(data), first * self._size)
            self._written = True
        return slots

    def sync(self) -> None:
        """Make all of them durable."""
        if self._written:
            os.fdatasync(self._descriptor)
            self._written = False

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


def write_at(descriptor: int, data: bytes, place: int) -> None:
    """Write all of some bytes at a place of a file."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, place)
        view, place = view[done:], place + done


def copy_vectors(folder: Path, old: State, new: State, dim: int, slots: Sequence[int]) -> None:
    """Write the file of the new state: the vectors of these slots of the old one, in this order."""
    if not dim:
        return
    with (folder / new.vectors_file).open("wb") as file:
        if slots:
            shape = (old.next_slot, dim)
            rows = np.memmap(folder / old.vectors_file, "<f4", "r", shape=shape)
            for start in range(0, len(slots), _CHUNK):
                file.write(rows[np.array(slots[start : start + _CHUNK])].tobytes())
        file.flush()
        os.fsync(file.fileno())


def write_graphs(folder: Path, state: State, dim: int, slots: Sequence[int]) -> None:
    """Write the graphs of a state: these slots of its vectors, each in 8 bits a number."""
    files = state.graph_files
    shares = [np.array(slots[n :: len(files)], dtype=np.int64) for n in range(len(files))]
    rows = np.memmap(folder / state.vectors_file, "<f4", "r", shape=(state.next_slot, dim))
    with ThreadPoolExecutor(len(files)) as threads:
        made = [
            threads.submit(_write_graph, folder / file, rows, share)
            for file, share in zip(files, shares, strict=True)
        ]
        for graph in made:
            graph.result()


def _write_graph(path: Path, rows: NDArray[np.float32], slots: NDArray[np.int64]) -> None:
    from usearch.index import Index

    graph = Index(
        ndim=rows.shape[1],
        metric="cos",
        dtype="i8",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION,
    )
    for start in range(0, len(slots), _CHUNK):
        part = slots[start : start + _CHUNK]
        graph.add(part.astype(np.uint64), rows[part], threads=1)
    graph.save(str(path))
    with path.open("rb") as file:
        os.fsync(file.fileno())
