"""The log walked through in time order, by the code that serves: same state, same features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.occasions import Occasion
from search_rerank.query import Candidates
from search_rerank.retriever import Retriever
from search_rerank.state.memory import MemoryState


@dataclass(frozen=True)
class Replayed:
    """Occasions with their candidates' features and gains.

    Parameters
    ----------
    table
        One group an occasion, in time order.
    gains
        float32 (n,), gain of each row, 0 for what was not taken.
    missed
        For each group the gains of items that were taken and are not among its rows.
    occasions
        For each group what was asked and by whom.
    items
        int32 (n,), each row's number in the catalogue, -1 for an item that it does not hold.
    places
        int32 (n,), the place at which the shopper was shown the row, 0 first; -1 if unknown.
    """

    table: FeatureTable
    gains: NDArray[np.float32]
    missed: Sequence[Sequence[float]]
    occasions: Sequence[Occasion]
    items: NDArray[np.int32]
    places: NDArray[np.int32]

    @property
    def shoppers(self) -> list[str]:
        """For each group who asked, for intervals that respect repeated shoppers."""
        return [one.query.user or one.query.session or "" for one in self.occasions]

    @classmethod
    def concat(cls, parts: Sequence[Replayed]) -> Replayed:
        """Return several replays as one."""
        return cls(
            FeatureTable.concat([part.table for part in parts]),
            np.concatenate([part.gains for part in parts]),
            [row for part in parts for row in part.missed],
            [occasion for part in parts for occasion in part.occasions],
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.places for part in parts]),
        )


@dataclass(frozen=True)
class Replay:
    """Makes feature rows as the service would have made them.

    Parameters
    ----------
    retriever
        Asks an index version whose boosts know nothing from after the cut.
    builder
        Holds scorers fitted on events before the cut.
    gains
        Gain of each interaction type.
    history
        Newest interactions of a shopper that are read.
    live
        Whether events of the window enter the state as their time comes, strictly before the
        occasion; False keeps the state of the cut.
    """

    retriever: Retriever
    builder: FeatureBuilder
    gains: Mapping[str, float]
    history: int
    live: bool

    def run(
        self,
        events: Events,
        occasions: Sequence[Occasion],
        cut_ms: int,
        progress: Callable[[int], None] | None = None,
        groups: int = 1000,
    ) -> Iterator[Replayed]:
        """Yield the occasions' rows, `groups` occasions at a time.

        Parameters
        ----------
        events
            The whole log; what lies before `cut_ms` is in the state from the start.
        occasions
            In time order, none before `cut_ms`.
        progress
            Called with the number of occasions done since the last call.
        """
        from threadpoolctl import threadpool_limits

        state = MemoryState(self.gains)
        log = _Told(events)
        log.tell(state, cut_ms)
        found = _Remembered(self.retriever)
        for start in range(0, len(occasions), groups):
            parts: list[Replayed] = []
            # The products of one query are small: threads cost more than they save, and sum in
            # another order.
            with threadpool_limits(1, "blas"):
                for occasion in occasions[start : start + groups]:
                    if self.live:
                        log.tell(state, occasion.query.now_ms)
                    parts.append(self._one(occasion, found.candidates(occasion), state))
                    if progress is not None:
                        progress(1)
            yield Replayed.concat(parts)

    def _one(self, occasion: Occasion, candidates: Candidates, state: MemoryState) -> Replayed:
        query = occasion.query
        catalogue = self.builder.catalogue
        moment = read_moment(query, candidates, catalogue, state, self.gains, self.history)
        table, _ = self.builder.build(moment)
        gains = [occasion.gains.get(id_, 0.0) for id_ in candidates.ids]
        present = set(candidates.ids)
        shown = {id_: place for place, id_ in enumerate(occasion.shown, occasion.first)}
        return Replayed(
            table,
            np.array(gains, dtype=np.float32),
            [[gain for id_, gain in occasion.gains.items() if id_ not in present]],
            [occasion],
            moment.items,
            np.array([shown.get(id_, UNKNOWN) for id_ in candidates.ids], dtype=np.int32),
        )


class _Told:
    """Tells a state a log as its time comes: what was done, and what was shown."""

    def __init__(self, events: Events) -> None:
        self._log, self._times = events.log, events.time_ms
        self._pages = events.pages
        self._page_times = np.array([page.time_ms for page in self._pages], dtype=np.int64)
        self._done = self._shown = 0

    def tell(self, state: MemoryState, now_ms: int) -> None:
        """Give the state what lies strictly before a time and was not told yet."""
        done = int(np.searchsorted(self._times, now_ms, side="left"))
        if done > self._done:
            state.append(self._log[self._done : done])
            self._done = done
        shown = int(np.searchsorted(self._page_times, now_ms, side="left"))
        if shown > self._shown:
            state.show(self._pages[self._shown : shown])
            self._shown = shown


class _Remembered:
    """Asks the engine once for each text and set of items: the index does not change in replay."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        self._found: dict[tuple[str, int, tuple[str, ...] | None], Candidates] = {}

    def candidates(self, occasion: Occasion) -> Candidates:
        query = occasion.query
        depth = query.k + 32 * -(-len(occasion.seen) // 32)  # few depths, so that texts repeat
        asked = None if occasion.asked is None else tuple(occasion.asked)
        key = (query.text, depth, asked)
        found = self._found.get(key)
        if found is None:
            request = self._retriever.request(query, depth)
            found = (
                self._retriever.retrieve(request)
                if asked is None
                else self._retriever.score(request, asked)
            )
            self._found[key] = found
        if occasion.seen:
            unseen = np.array([id_ not in occasion.seen for id_ in found.ids], dtype=bool)
            found = found.take(unseen)
        if asked is None and len(found) > query.k:
            found = found.take(np.arange(query.k))
        return found
