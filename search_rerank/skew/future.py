"""Training's replay beside one whose log ends before each occasion: what differs saw the future."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, fields, replace

import numpy as np

from search_rerank.data.events import Events
from search_rerank.errors import DataError
from search_rerank.occasions import Occasion
from search_rerank.replay import Replay, Replayed
from search_rerank.skew.compare import TOLERANCE, Compared
from search_rerank.training import Progress, Shop, as_of, cuts, quiet, replayed, spread, tasks

SAMPLE = 40
"""Occasions whose features are made twice; each costs a walk through the log before it."""


@dataclass(frozen=True)
class Future:
    """What a check for knowledge of the future found.

    Parameters
    ----------
    compared
        Features from the whole log beside those from a log that ends before the occasion.
    other_candidates
        Occasions for which the two found other candidates: the retrieval has seen the future.
    rows
        The occasions as training's replay makes them, more than were compared.
    """

    compared: Compared
    other_candidates: int
    rows: Replayed


def look_ahead(
    shop: Shop,
    sample: int = SAMPLE,
    rankings: int = 2000,
    tolerance: float = TOLERANCE,
    progress: Progress = quiet,
) -> Future:
    """Make features of the training window twice: as training does, and without any future.

    The second time the index is boosted, the scorers are fitted and the state is filled from a
    log that was cut off: at the training cut, and strictly before the occasion. Item fields are
    those of the catalogue both times: when they were true is not known.

    Parameters
    ----------
    sample
        Occasions to compare, spread evenly over the window.
    rankings
        Occasions to return rows of.

    Raises
    ------
    DataError
        Where the window holds no occasion.
    """
    times = cuts(shop.events, shop.config.training)
    cut = times.train
    window = tasks(shop, cut, times.test)
    occasions = list(window.values())[-1]  # of several tasks that which asks the whole catalogue
    if not occasions:
        raise DataError(
            "expected queries with an interaction between the quantiles training.train_quantile "
            "and training.test_quantile of the log, found none to check"
        )
    chosen = spread(occasions, rankings)
    past = replace(
        shop,
        events=cut_off(shop.events, cut),
        dataset=replace(
            shop.dataset, events=[one for one in shop.dataset.events if one.time_ms < cut]
        ),
    )
    compared, others = Compared(tolerance), 0
    with ExitStack() as stack:
        whole = stack.enter_context(as_of(shop, cut))
        rows = Replayed.concat(list(replayed(whole, shop, chosen, cut, progress, "as trained")))
        blind = replace(stack.enter_context(as_of(past, cut)), live=whole.live)
        some = spread(chosen, sample)
        for done, occasion in enumerate(some):
            progress("cut off", done, len(some))
            one = _alone(whole, shop.events, occasion, cut)
            two = _alone(blind, cut_off(shop.events, occasion.query.now_ms), occasion, cut)
            if not np.array_equal(one.items, two.items):
                others += 1
                continue
            ids = [_id(shop, number) for number in one.items.tolist()]
            compared.add(_named(occasion), ids, one.table, two.table)
    return Future(compared, others, rows)


def cut_off(events: Events, time_ms: int) -> Events:
    """Return a log that ends before a time, rankings included; numbers keep their meaning."""
    shown = events.rankings
    kept = int(np.searchsorted(shown.time_ms, time_ms, side="left"))
    end = int(shown.offsets[kept])
    before = events.before(time_ms)
    columns = {one.name: getattr(shown, one.name)[:kept] for one in fields(shown)}
    columns |= {"offsets": shown.offsets[: kept + 1], "shown": shown.shown[:end]}
    rankings = replace(shown, **columns)
    ranking = np.where(before.ranking < kept, before.ranking, -1).astype(np.int32)
    return replace(before, rankings=rankings, ranking=ranking)


def _alone(replay: Replay, events: Events, occasion: Occasion, cut_ms: int) -> Replayed:
    (row,) = replay.run(events, [occasion], cut_ms)
    return row


def _id(shop: Shop, number: int) -> str:
    return shop.catalogue.ids.id(number) if number >= 0 else "unknown"


def _named(occasion: Occasion) -> str:
    """Return what tells an occasion of a log from others: who asked what, and when."""
    query = occasion.query
    return f"{query.user or query.session} {query.text!r:.40} {query.now_ms}"
