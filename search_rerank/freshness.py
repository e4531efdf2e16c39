"""A bundle brought up to date: what its scorers have not seen is taken in without a training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np

from search_rerank.bundle import Bundle
from search_rerank.bundles import live_bundle, promote_bundle
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Told
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.data.learnt import LearntFrom
from search_rerank.encoders.cache import VectorCache
from search_rerank.errors import BundleError, StateError
from search_rerank.manifest import read_manifest
from search_rerank.scorers import update
from search_rerank.scorers.news import How, News
from search_rerank.state.log import Log
from search_rerank.training import Progress, quiet

Find = Callable[[Sequence[str]], Sequence[Item]]
"""Returns the items with these ids, those that are not there left out."""


@dataclass(frozen=True)
class Step:
    """What was done to one scorer.

    Parameters
    ----------
    scorer
        Its name.
    how
        See `search_rerank.scorers.news.How`.
    took_s
        Seconds; the first that asks for the whole log waits until it is read.
    """

    scorer: str
    how: How
    took_s: float


@dataclass(frozen=True)
class Updated:
    """A bundle and what an update did to it.

    Parameters
    ----------
    bundle
        Not saved yet; the one given where there was nothing new.
    interactions
        How many were new, those with items that nobody knows left out.
    late
        How many of them are older than what the bundle had seen.
    items
        How many items were new.
    waiting
        New interactions left out, for neither the bundle nor the index knows their item.
    steps
        One for each scorer; empty where there was nothing new.
    """

    bundle: Bundle
    interactions: int
    late: int
    items: int
    waiting: int
    steps: Sequence[Step] = ()


def update_bundle(
    bundle: Bundle,
    log: Log,
    items: Iterable[Item],
    find: Find,
    vectors: VectorCache,
    progress: Progress = quiet,
) -> Updated:
    """Return a bundle with what a state holds and the bundle has not seen, and with new items.

    The fusions, the encoder and the features stay. The same bundle and log give the same bytes.

    Parameters
    ----------
    items
        What the catalogue holds now; those that the bundle knows stay as they are.
    find
        Asked for items that the log names, and neither the bundle nor `items` holds.

    Raises
    ------
    BundleError
        Where the bundle does not say what it was learnt from.
    ConfigError
        Where the update of a scorer breaks down.
    StateError
        Where the state holds less than what the bundle was learnt from.
    """
    learnt = _learnt(bundle, log)
    found = {item.id: item for item in items if item.id not in bundle.catalogue.ids}
    unknown = {id_ for id_ in log.items() - found.keys() if id_ not in bundle.catalogue.ids}
    found |= {item.id: item for item in find(sorted(unknown))}
    unknown -= found.keys()
    catalogue = _extended(bundle, list(found.values()), vectors)
    fresh = list(log.new(learnt, found))
    new = {event.id: event for event in fresh if event.item not in unknown}
    waiting = len(fresh) - len(new)
    if not new and not found:
        return Updated(bundle, 0, 0, 0, waiting)
    late = sum(event.time_ms < learnt.until_ms for event in new.values())
    news = _news(log, new, catalogue, learnt)
    scorers, steps = [], []
    for done, scorer in enumerate(bundle.scorers):
        progress("scorers", done, len(bundle.scorers))
        start = perf_counter()
        fresh_scorer, how = update(scorer, news)
        scorers.append(fresh_scorer)
        steps.append(Step(scorer.name, how, perf_counter() - start))
    learnt_now = replace(
        learnt,
        until_ms=news.now_ms,
        interactions=learnt.interactions + len(new),
        mark=log.mark,
        parent=bundle.version,
    )
    updated = replace(bundle, catalogue=catalogue, scorers=scorers, learnt=learnt_now, version=None)
    return Updated(updated, len(new), late, len(found), waiting, steps)


def promote_update(folder: Path, version: str, parent: str | None) -> bool:
    """Make an update live, unless its parent is no longer; return whether it is live now.

    Of the updates before it only its parent is kept, for a rollback: otherwise the disk would fill
    with one bundle an update. Bundles of trainings are kept.
    """
    live = live_bundle(folder)
    if live is None or live.name not in (parent, version):
        return False
    if live.name == version:  # the same update, made beside this one
        return True
    promote_bundle(folder, version)
    before = _parent(live)
    while before is not None and (earlier := _parent(folder / before)) is not None:
        shutil.rmtree(folder / before, ignore_errors=True)
        before = earlier
    return True


def _parent(folder: Path) -> str | None:
    """Return the name of the bundle that one is an update of, None where it is none or is gone."""
    try:
        learnt = read_manifest(folder).get("learnt") or {}
    except BundleError:
        return None
    parent: str | None = learnt.get("parent")
    return parent


def _learnt(bundle: Bundle, log: Log) -> LearntFrom:
    if bundle.learnt is None:
        raise BundleError(
            f"bundle {bundle.version}: it does not say which log it was learnt from, for an "
            "earlier release wrote it; train again"
        )
    held = log.count_before(bundle.learnt.until_ms)
    if held < bundle.learnt.interactions:
        raise StateError(
            f"state {log.name}: expected the {bundle.learnt.interactions:,} interactions that "
            f"bundle {bundle.version} was learnt from, found {held:,}; give their log with --data, "
            "or train again"
        )
    return bundle.learnt


def _extended(bundle: Bundle, items: Sequence[Item], vectors: VectorCache) -> Catalogue:
    if not items:
        return bundle.catalogue
    rows = vectors.encode(bundle.encoder, [item.text() for item in items])
    return bundle.catalogue.extended(items, rows)


def _news(log: Log, new: dict[str, Told], catalogue: Catalogue, learnt: LearntFrom) -> News:
    users = {event.user for event in new.values() if event.user is not None}
    visits = {e.session for e in new.values() if e.user is None and e.session is not None}
    events = Events.from_told(log.of(users, visits), catalogue.ids)
    now_ms = max([learnt.until_ms, *(event.time_ms + 1 for event in new.values())])

    @cache
    def whole() -> Events:
        return Events.from_told(log.all(), catalogue.ids)

    return News(
        events=events,
        new=np.array([id_ in new for id_ in events.event_ids.tolist()], dtype=bool),
        catalogue=catalogue,
        since_ms=learnt.until_ms,
        now_ms=now_ms,
        whole=whole,
    )
