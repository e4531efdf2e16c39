"""What is true of a shopper, a query and an item: what a sentence may say, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.explaining.cases import Case
from search_rerank.features.moment import Moment
from search_rerank.features.table import FeatureTable
from search_rerank.scorers.base import Scorer

_LOOKED_THROUGH = 20
"""Newest items of a history that may be named."""
FEW = 1e-3
"""A counter below this has faded to nothing."""


@dataclass(frozen=True)
class Facts:
    """What is known of the candidates of one moment.

    Parameters
    ----------
    moment, table, catalogue
        What the ranking knew.
    scorers
        By name.
    past
        What the shopper did: the moment's history without an item that the page shows.
    rows
        The candidates that are asked about.
    titles
        Item ids in, their titles out; those that are gone are left out.
    """

    moment: Moment
    table: FeatureTable
    catalogue: Catalogue
    scorers: Mapping[str, Scorer]
    past: History
    rows: Sequence[int]
    titles: Callable[[Sequence[str]], Mapping[str, str]]
    _alone: dict[str, dict[int, NDArray[np.float32]]] = field(default_factory=dict)

    def value(self, feature: str, row: int) -> float:
        """Return a feature of a candidate, NaN where there is none."""
        if feature not in self.table.names:
            return float("nan")
        return float(self.table.column(feature)[row])

    def in_upper_half(self, feature: str, row: int) -> bool:
        """Return whether at least half of the candidates have no more of a feature."""
        if feature not in self.table.names:
            return False
        column = self.table.column(feature)
        known = column[~np.isnan(column)]
        return bool(len(known)) and bool(column[row] >= np.median(known))

    @property
    def query(self) -> str:
        """The words that were searched."""
        return " ".join(self.moment.query.text.split())

    def alone(self, scorer: str, row: int) -> list[tuple[int, float]]:
        """Return what a scorer thinks of a candidate for each of the newest items of the past.

        Pairs of an item's number and the score, newest first; without those of no opinion.
        """
        if scorer not in self._alone:
            found = self.scorers.get(scorer)
            asked = self.moment.items[np.array(self.rows, dtype=np.intp)]
            newest = list(dict.fromkeys(self.taken[::-1].tolist()))[:_LOOKED_THROUGH]
            self._alone[scorer] = {
                number: found.score(History.of([number], self.past.now_ms), asked)
                for number in newest
                if found is not None
            }
        at = self.rows.index(row)
        pairs = ((number, float(scores[at])) for number, scores in self._alone[scorer].items())
        return [(number, score) for number, score in pairs if score == score]

    def query_case(self, name: str, **more: str) -> list[Case]:
        """Return a case that names the query; none where nothing was typed."""
        return [Case(name, {"query": self.query, **more})] if self.query else []

    @cached_property
    def taken(self) -> NDArray[np.int32]:
        """Items of the past that count for something, int32 (h,), oldest first."""
        items: NDArray[np.int32] = self.past.items[self.past.weight > 0]
        return items

    def number(self, row: int) -> int:
        """Return a candidate's number in the catalogue, -1 where it does not hold it."""
        return int(self.moment.items[row])

    def label(self, category: int) -> str:
        """Return what a category is called, without those above it."""
        return self.catalogue.categories[category].split(" > ")[-1]

    def leaf(self, row: int) -> int:
        """Return the number of a candidate's deepest category, -1 where it has none."""
        item = self.number(row)
        return int(self.catalogue.leaf[item]) if item >= 0 else -1


Check = Callable[[Facts, int, str], list[Case]]
"""What holds for a candidate whose leading feature this is, the most telling case first."""
