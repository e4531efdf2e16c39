"""Lists of neighbours: of each item the most related, and what a history gives by them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.scorers.fitted import Fitted
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.numbers import among, inside, sums_at

Profile = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Known items of a history and their weights, see `numbers.profile`."""


@dataclass(frozen=True)
class Neighbours(Fitted):
    """What scorers of neighbours have in common: the lists, and sums over them."""

    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item had an event."""
    starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (n_items + 1,): item j has the neighbours ``starts[j]:starts[j + 1]``."""
    neighbour: NDArray[np.int32] = _fitted(np.int32)
    """int32, item numbers."""
    similarity: NDArray[np.float32] = _fitted(np.float32)
    """float32, beside `neighbour`."""

    def with_lists(self, known: NDArray[np.bool_], related: Any, n: int) -> Self:
        """Return this scorer with the n largest of each row of a matrix, itself left out.

        Ties at the cut fall to the lower item number.
        """
        from scipy.sparse import csr_matrix

        found = csr_matrix(related, copy=True)
        found.setdiag(0)
        found.eliminate_zeros()
        found.sort_indices()
        kept = largest(found, n)
        rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))[kept]
        return replace(
            self,
            known=known,
            starts=np.searchsorted(rows, np.arange(found.shape[0] + 1)).astype(np.int64),
            neighbour=found.indices[kept].astype(np.int32),
            similarity=found.data[kept].astype(np.float32),
        )

    def sums(self, past: Profile, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the sum over the history of weight times similarity, float32 (n,).

        A known candidate that is no neighbour of the history gets 0; NaN for unknown ones, and for
        all where the history has no known item.
        """
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        seen, weight = past
        if len(seen) == 0 or not valid.any():
            return scores
        wanted = items[valid]
        first, last = self.starts.take(seen), self.starts.take(seen + 1)
        # Whole lists at once: to pick their entries one by one takes thrice as long.
        lists = zip(first.tolist(), last.tolist(), strict=True)
        neighbour = np.concatenate([self.neighbour[begin:end] for begin, end in lists])
        at = among(wanted, neighbour, len(self.known))
        ends = (last - first).cumsum()
        whose = ends.searchsorted(at, "right")
        mass = self.similarity.take(at + (last - ends).take(whose)) * weight.take(whose)
        scores[valid] = sums_at(wanted, neighbour.take(at), mass, len(self.known))
        return scores


def ranges(
    first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all numbers of several ranges one after another, and the length of each range."""
    length = last - first
    return np.repeat(first - (np.cumsum(length) - length), length) + np.arange(length.sum()), length


def largest(rows: Any, n: int) -> NDArray[np.intp]:
    """Return where the n largest entries of each row of a CSR matrix stand, ascending."""
    length = np.diff(rows.indptr)
    longer = length > n  # only these need to be put in order
    cells, lengths = ranges(rows.indptr[:-1][longer], rows.indptr[1:][longer])
    row = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rows.indices[cells], -rows.data[cells], row))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = np.ones(len(rows.data), dtype=np.bool_)
    kept[cells[order[rank >= n]]] = False
    return np.flatnonzero(kept)
