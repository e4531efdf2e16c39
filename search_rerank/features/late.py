"""Features too dear for every candidate: computed for the rows that a stage asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.encoders.cross import load_cross_encoder
from search_rerank.engines.base import Engine
from search_rerank.features.moment import Moment
from search_rerank.features.table import LateColumn

Texts = Callable[[Sequence[str]], Sequence[str | None]]
"""Ids of items in, their texts out, None for one that is gone."""


class Late(Protocol):
    """One late column."""

    @property
    def name(self) -> str:
        """Of the column."""

    def values(self, moment: Moment, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the values of some of a moment's candidates, float32, NaN for no opinion."""


class Pairs(Protocol):
    """Scores pairs of query and text, as `search_rerank.encoders.cross.CrossEncoder` does."""

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n,), higher is better."""


class Once:
    """A late column of one table that computes the value of each row once, however often asked.

    Parameters
    ----------
    values
        Rows in, their values out.
    """

    def __init__(self, values: LateColumn) -> None:
        self._values = values
        self._known: dict[int, float] = {}

    def __call__(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the values of rows, float32 as many."""
        asked = rows.tolist()
        new = [row for row in asked if row not in self._known]
        if new:
            values = self._values(np.array(new, dtype=np.intp))
            self._known.update(zip(new, values.tolist(), strict=True))
        return np.array([self._known[row] for row in asked], dtype=np.float32)


@dataclass(frozen=True)
class CrossEncoded:
    """How well each candidate's text answers the words of the query.

    Parameters
    ----------
    load
        Returns what scores pairs; called when the column is asked for.
    texts
        Where the items' texts are.
    """

    load: Callable[[], Pairs]
    texts: Texts

    @property
    def name(self) -> str:
        """Of the column."""
        return "cross_encoder"

    def values(self, moment: Moment, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return scores of pairs; NaN for all where nothing was typed, and for an item gone."""
        found = np.full(len(rows), np.nan, dtype=np.float32)
        if not moment.query.text.strip():
            return found
        texts = self.texts([moment.candidates.ids[row] for row in rows.tolist()])
        known = [(place, text) for place, text in enumerate(texts) if text is not None]
        scores = self.load().score(moment.query.text, [text for _, text in known])
        found[[place for place, _ in known]] = scores
        return found


def late_features(model: str, engine: Engine, version: str | None = None) -> tuple[Late, ...]:
    """Return the late columns of a setting `training.cross_encoder`; none where it is empty.

    Parameters
    ----------
    engine, version
        Where the items are; the live version where None.
    """
    if not model:
        return ()

    def texts(ids: Sequence[str]) -> list[str | None]:
        return [None if item is None else item.text() for item in engine.items(ids, version)]

    return (CrossEncoded(partial(load_cross_encoder, model), texts),)
