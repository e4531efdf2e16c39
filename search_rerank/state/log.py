"""The log that a state holds, read back for what learns from it: the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol, Self

from search_rerank.data.event import Ranking, Told
from search_rerank.data.learnt import LearntFrom


class Log(Protocol):
    """All interactions and rankings as they were told, as of one moment, whoever writes meanwhile.

    Each has a number that rises in the order of appending, interactions and rankings in one row.
    An event of a visit that a user claimed later is told under no user, as it was; a replay claims
    it anew. Everything is read in bounded memory. Reading raises `StateError` where it fails.

    Parameters
    ----------
    mark
        Number of the newest interaction or ranking, 0 before the first.
    """

    mark: int

    @property
    def name(self) -> str:
        """What messages call it, such as the path of its file."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """Release files and connections."""

    def all(self) -> Iterator[Told]:
        """Yield every interaction, in time order; ties in the order of appending."""

    def pages(self) -> Iterator[Ranking]:
        """Yield everything that was shown, in time order; ties in the order of appending."""

    def appended(self, after: int, until: int) -> Iterator[Told]:
        """Yield what was appended past one mark and up to another, in the order of appending."""

    def shown(self, after: int, until: int) -> Iterator[Ranking]:
        """Yield what was shown past one mark and up to another, in the order of appending."""

    def new(self, learnt: LearntFrom, items: Collection[str] = ()) -> Iterator[Told]:
        """Yield what is not part of what was learnt from, in time order.

        Parameters
        ----------
        items
            Items that were unknown then: all that ever happened to them is new.
        """

    def of(self, users: Collection[str], sessions: Collection[str]) -> Iterator[Told]:
        """Yield every interaction told of users, and of sessions under no user, in time order."""

    def items(self) -> set[str]:
        """Return every item that something happened to."""

    def count_before(self, time_ms: int) -> int:
        """Return how many interactions lie before a time."""
