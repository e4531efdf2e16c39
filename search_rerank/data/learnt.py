"""Which part of a log something was learnt from, so that the rest can be told from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LearntFrom:
    """The end of the log that a bundle's scorers have seen.

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
    """

    until_ms: int
    interactions: int
    mark: int | None = None
    parent: str | None = None
