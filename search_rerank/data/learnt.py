"""Which part of a log something was learnt from, so that the rest can be told from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from search_rerank.errors import DataError


@dataclass(frozen=True)
class LearntFrom:
    """The end of the log that a bundle's scorers have seen, and of that its fusions learnt from.

    Parameters
    ----------
    until_ms
        Unix milliseconds: the moment they were fitted at, after every interaction they saw.
    interactions
        How many they saw.
    mark
        Number of the last interaction that the state held then: what it took later is new, however
        old its time. None where the log was not given to the state.
    parent
        Name of the bundle that was updated, None after a training.
    fusions_until_ms
        Unix milliseconds: the test cut, before which lie all queries that the fusions learnt from.
        None in the bundles of earlier releases.
    """

    until_ms: int
    interactions: int
    mark: int | None = None
    parent: str | None = None
    fusions_until_ms: int | None = None

    def knows_after(self, cut_ms: int) -> bool:
        """Return whether the fusions have learnt from queries after a cut."""
        return self.fusions_until_ms is not None and cut_ms < self.fusions_until_ms

    def check_cut(self, cut_ms: int) -> None:
        """Refuse a test cut after which the fusions have learnt: figures would be too good.

        Raises
        ------
        DataError
            Where queries after the cut were learnt from.
        """
        if self.knows_after(cut_ms):
            raise DataError(
                f"expected a log whose test cut is not before {_moment(self.fusions_until_ms)}, up "
                f"to which the bundle's fusions have learnt, found {_moment(cut_ms)}: give the "
                "log that it was trained on, or a longer one"
            )


def _moment(ms: int | None) -> str:
    return datetime.fromtimestamp((ms or 0) / 1000, UTC).isoformat(timespec="seconds")
