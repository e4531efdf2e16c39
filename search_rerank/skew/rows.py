"""Training rows from the feature log: what serving computed, where it was written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Ranking
from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN
from search_rerank.errors import DataError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.occasions import Occasion
from search_rerank.query import Candidates, Query
from search_rerank.replay import Replay, Replayed
from search_rerank.skew.record import Served
from search_rerank.skew.served import as_table
from search_rerank.state.memory import MemoryState
from search_rerank.training import Progress, Shop, cuts, training_rows


class LoggedRows:
    """Gives occasions the features that were logged when they were served; others are replayed.

    Only what is as today's features count: requests of the same columns, by bundles of the same
    settings, none of whose scorers had failed.

    Parameters
    ----------
    shop
        The data, whose log replay walks through.
    served
        The feature log.
    alike
        Whether a bundle, by its version, computes what training would.

    Raises
    ------
    DataError
        For a data set whose queries are given: nobody was served them.
    """

    def __init__(self, shop: Shop, served: Sequence[Served], alike: Callable[[str], bool]) -> None:
        if shop.dataset.query_items is not None:
            raise DataError(
                f"{shop.dataset.name}: expected a shop's own log to take features from the "
                "feature log, found a data set with queries of its own; train with replay"
            )
        self._shop = shop
        self.logged = self.replayed = 0
        cut = cuts(shop.events, shop.config.training)
        versions = {version: alike(version) for version in {one.bundle for one in served}}
        self._served = {
            one.id: one
            for one in served
            if cut.train <= one.query.now_ms < cut.test and versions[one.bundle] and not one.failed
        }

    def asked(self) -> Shop:
        """Return the shop with a log that holds the logged requests of the training window, too.

        A shop's log may name an answer in its interactions without saying what the answer showed;
        the feature log says it. State and scorers are not to see it: a sample of what was shown
        would look like all of it.
        """
        told = self._shop.dataset.events
        known = {one.id for one in told if isinstance(one, Ranking)}
        unknown = (one for one in self._served.values() if one.id not in known)
        made = [_as_ranking(one) for one in unknown if one.shown and len(one.order)]
        events = Events.from_events([*told, *made], self._shop.catalogue.ids)
        return replace(self._shop, events=events)

    def __call__(
        self,
        replay: Replay,
        _: Shop,
        occasions: Sequence[Occasion],
        cut_ms: int,
        progress: Progress,
    ) -> Replayed:
        """Return the rows of occasions, as `search_rerank.training.Rows`."""
        # What a stage computes late was not logged: one cross-encoder must judge all rows alike.
        names = () if replay.builder.late else _names(replay.builder)
        taken, left, parts = [], [], []
        for one in occasions:
            served = self._served.get(one.ranking or "")
            if served is not None and served.names == names and len(served.candidates):
                taken.append((one, served))
            else:
                left.append(one)
        self.logged, self.replayed = len(taken), len(left)
        if left:
            parts.append(training_rows(replay, self._shop, left, cut_ms, progress))
        parts += [_of_log(one, served, replay.builder) for one, served in taken]
        return in_time_order(Replayed.concat(parts))


def in_time_order(rows: Replayed) -> Replayed:
    """Return the same groups by the time of their occasions, those of one time as they were."""
    order = np.argsort([one.query.now_ms for one in rows.occasions], kind="stable")
    table = rows.table
    sizes = table.sizes[order]
    ends = np.cumsum(sizes)
    row = np.repeat(table.offsets[:-1][order] - (ends - sizes), sizes) + np.arange(len(table))
    sorted_table = replace(
        table,
        X=table.X[row],
        offsets=np.concatenate([[0], ends]).astype(np.int64),
        engine_rank=table.engine_rank[row],
    )
    groups = order.tolist()
    return Replayed(
        sorted_table,
        rows.gains[row],
        [rows.missed[group] for group in groups],
        [rows.occasions[group] for group in groups],
        rows.items[row],
        rows.places[row],
    )


def _of_log(occasion: Occasion, served: Served, builder: FeatureBuilder) -> Replayed:
    ids = served.candidates.ids
    present = set(ids)
    places: NDArray[np.int32] = np.full(len(ids), UNKNOWN, dtype=np.int32)
    seen = served.order[: served.shown]
    places[seen] = np.arange(len(seen))
    return Replayed(
        as_table(served),
        np.array([occasion.gains.get(id_, 0.0) for id_ in ids], dtype=np.float32),
        [[gain for id_, gain in occasion.gains.items() if id_ not in present]],
        [occasion],
        builder.catalogue.ids.numbers(ids),
        places,
    )


def _as_ranking(served: Served) -> Ranking:
    shown = served.order[: served.shown].tolist()
    query = served.query
    return Ranking(
        id=served.id,
        time_ms=query.now_ms,
        user=query.user,
        session=query.session,
        query=query.text or None,
        items=tuple(served.candidates.ids[row] for row in shown),
    )


def _names(builder: FeatureBuilder) -> tuple[str, ...]:
    """Return the columns that a builder makes."""
    none = np.zeros(0, dtype=np.float32)
    nothing = Candidates([], none, none, none)
    moment = read_moment(Query(), nothing, builder.catalogue, MemoryState({}), {}, 0)
    table, _ = builder.build(moment)
    return table.names
