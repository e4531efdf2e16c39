"""What a scorer must do: see a history, give each candidate one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.news import How, News


class Scorer(Protocol):
    """A function (history, items) to scores, fitted on events; it holds no user ids.

    Options are the fields of the implementing dataclass, the same names in every scorer.
    """

    name: ClassVar[str]

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes."""

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,), higher is better.

        NaN means no opinion: an item not known at fit time or a number below 0, and every item
        where the history says nothing to this scorer. Each row depends on its own item only, so
        the order of the rows is irrelevant.
        """

    def update(self, news: News) -> tuple[Self, How]:
        """Return this fitted scorer with what came since, and what was done to get it.

        `updated` and `refitted` give the scores of a fit on the whole log as of `news.now_ms`
        within the scorer's stated tolerance; `kept` gives the scores of before, and no opinion on
        new items. This scorer stays as it is; the same news give the same bytes.
        """

    def options(self) -> Mapping[str, object]:
        """Return the options, as `search_rerank.scorers.create` takes them and JSON can hold."""

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what was learnt, as arrays without objects."""

    @classmethod
    def from_arrays(
        cls, options: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]
    ) -> Self:
        """Rebuild a fitted scorer from its options and what `arrays` returned."""


@runtime_checkable
class Representation(Protocol):
    """A scorer whose score is an inner product, so that a vector index can rank by it."""

    def item_vectors(self) -> NDArray[np.float32]:
        """Return one vector an item, float32 (n_items, dim), 0 for items without an opinion."""

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's vector, float32 (dim,), NaN where the history says nothing.

        Its inner product with an item's vector is the item's score.
        """
