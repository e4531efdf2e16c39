"""Candidates of a recommendation, scope by scope."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Degraded
from search_rerank.bundle import Bundle
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.engines.base import Retrieve
from search_rerank.engines.hybrid import in_order
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.features.moment import numbered
from search_rerank.in_use import InUse
from search_rerank.last_good import LastGood
from search_rerank.query import Candidates
from search_rerank.recommend.opinions import (
    Numbers,
    best,
    centre,
    ids_of,
    neighbours,
    related,
)
from search_rerank.recommend.order import is_new
from search_rerank.recommend.request import Recommend
from search_rerank.recommend.shelf import Shelf, in_turn, nothing
from search_rerank.recommend.trending import trending
from search_rerank.stages import Stages
from search_rerank.state.base import Past, State

log = logging.getLogger(__name__)
WHOLE = 20_000
"""Catalogues up to this size are scored whole; of larger ones what is near the history."""
_EACH = 100
"""Items that each scorer names."""
_POOL = 2_000
"""Items of the index that are looked at where filters or size leave no whole catalogue."""
_CLOSE = 50
"""Candidates of a scope whose order must not stray far: trending and similar."""
PAST = 1_000
"""So many newest interactions are looked through for what to leave out."""
_GOES_WITH = "cross_category"


@dataclass(frozen=True)
class Collector:
    """Collects the candidates of one request.

    Parameters
    ----------
    in_use, state
        Where items are and what was learnt, what happened.
    asked
        The request.
    past
        What the shopper did, oldest first; empty where nothing of them may be read.
    stages
        Run what may hang, and get the sources that failed.
    kept
        Keeps what was most in demand, for when the engine is away.
    """

    in_use: InUse
    state: State
    asked: Recommend
    past: Sequence[Past]
    stages: Stages
    kept: LastGood | None = None

    def candidates(self) -> Candidates:
        """Return the candidates in the order that stands where nothing reranks them.

        Those that a bundle ranks come in the engine's order, as the candidates of a query do.
        """
        scope = self.asked.scope
        if scope == "recently_viewed":
            return self._viewed()
        if scope == "trending":
            return self._trending()
        lists = {
            "personal": self._personal,
            "similar": self._similar,
            "cross_category": self._goes_with,
        }[scope]()
        k = min(self.asked.k, _CLOSE) if scope == "similar" else self.asked.k
        wanted = in_turn(lists, self._left_out(), k)
        if self.in_use.bundle is None or is_new(self.asked, self.in_use):
            return self._in_order(wanted)
        return self._there(wanted)

    def last_known(self) -> Candidates | None:
        """Return what stands in for the candidates while the engine is away, None for nothing.

        That is what was viewed, or what was most in demand; what goes with one item is not kept.
        """
        asked = self.asked
        if self.kept is None or asked.item is not None:
            return None
        if asked.scope == "recently_viewed":
            viewed = self._newest()
            known = {} if asked.filters else self.kept.items(viewed)
            there = [id_ for id_ in viewed if id_ in known]
            return in_order(there, np.zeros(len(there))) if there else None
        found = self.kept.found(self._demand())
        if found is None:
            return None
        left_out = self._left_out()
        rows = [row for row, id_ in enumerate(found.ids) if id_ not in left_out][: asked.k]
        return replace(found.take(np.array(rows, dtype=np.intp)), total=len(rows))

    def _personal(self) -> list[Sequence[str]]:
        popular = self._popular()
        bundle = self.in_use.bundle
        if bundle is None:
            return [popular]
        history = self._history(bundle)
        middle = centre(bundle.catalogue, history) if self.in_use.has_vectors else None
        near = [] if middle is None else self._near(middle, _EACH)
        items = self._pool(bundle, history.items, [*popular, *near])
        liked = best(bundle.scorers, history, items, _EACH, self.stages)
        return [*ids_of(bundle.catalogue, liked), near, popular]

    def _trending(self) -> Candidates:
        popular = self._popular()
        bundle = self.in_use.bundle
        lists: list[Sequence[str]] = [popular]
        if bundle is not None:
            demand = [one for one in bundle.scorers if one.name in ("trend", "popularity")]
            nobody = History.empty(self.asked.now_ms)
            items = self._pool(bundle, nobody.items, popular, whole=True)
            found = best(demand, nobody, items, _EACH, self.stages)
            lists += ids_of(bundle.catalogue, found)
        there = self._there(in_turn(lists, self._left_out(), _POOL // 2))
        n = min(self.asked.k, _CLOSE)
        count = partial(trending, there, self.state, self.asked.now_ms, n)
        breaker = self.stages.guards.state
        try:
            return self.stages.run("candidates.rise", count, breaker, of="candidates", share=0.5)
        except Exception as error:  # the most demanded as the index knows them
            self.stages.lost("candidates.trend", error)
            return there.take(np.arange(min(n, len(there))))

    def _similar(self) -> list[Sequence[str]]:
        stored = self.in_use.engine.lookup([self._item])[0]
        if stored is None:
            raise EngineError(f"expected an item of the index, found no item {self._item!r}")
        n = _CLOSE + 1  # itself among them
        if stored.vector is None:
            near = self._shelf.named(stored.item.title, n)
        else:
            near = self._near(stored.vector, n)
        bundle = self.in_use.bundle
        if bundle is None:
            return [near]
        item = bundle.catalogue.ids.numbers([self._item])
        known = History.of(item[item >= 0], now_ms=self.asked.now_ms)
        liked = related(bundle.scorers, known, _CLOSE, self.stages)
        lists = [near, *ids_of(bundle.catalogue, liked)]
        if self.asked.filters:
            meeting = set(self._shelf.those(chain(*lists), collapse=False).ids)
            lists = [[id_ for id_ in one if id_ in meeting] for one in lists]
        return lists

    def _goes_with(self) -> list[Sequence[str]]:
        """Return what goes with the item or the history, from departments these are not of."""
        popular = self._popular()
        bundle = self.in_use.bundle
        if bundle is None:
            return [popular]
        catalogue = bundle.catalogue
        history = self._history(bundle)
        if self.asked.item is not None:
            numbers = catalogue.ids.numbers([self.asked.item])
            history = History.of(numbers[numbers >= 0], now_ms=self.asked.now_ms)
        items = _elsewhere(catalogue, history, self._pool(bundle, history.items, popular))
        goes_with = [scorer for scorer in bundle.scorers if scorer.name == _GOES_WITH]
        if not goes_with:
            reason = f"the bundle has no scorer {_GOES_WITH}: configure it and train again"
            self.stages.degraded.append(Degraded(f"candidates.{_GOES_WITH}", reason))
        liked = best(goes_with, history, items, self.asked.k, self.stages)
        if not liked:  # what was taken together, whatever it is
            together = related(bundle.scorers, history, self.asked.k, self.stages)
            liked = [one[np.isin(one, items)] for one in together]
        found: list[Sequence[str]] = ids_of(catalogue, liked)
        if not any(found):
            elsewhere = set(items.tolist())
            numbers = catalogue.ids.numbers(popular).tolist()
            found = [[id_ for id_, n in zip(popular, numbers, strict=True) if n in elsewhere]]
        return found

    def _viewed(self) -> Candidates:
        return self._in_order(self._newest())

    def _newest(self) -> list[str]:
        newest = dict.fromkeys(past.item for past in reversed(self.past))
        left_out = self._left_out()
        return [id_ for id_ in newest if id_ not in left_out][: self.asked.k]

    def _in_order(self, wanted: Sequence[str]) -> Candidates:
        there = self._there(wanted)
        place = {id_: n for n, id_ in enumerate(wanted)}
        order = np.argsort([place[id_] for id_ in there.ids], kind="stable")
        falling = np.arange(len(there), 0, -1, dtype=np.float32)
        return replace(there.take(order), score=falling)

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self.in_use.engine, self.asked.filters)

    @property
    def _item(self) -> str:
        return self.asked.item or ""

    def _there(self, ids: Sequence[str]) -> Candidates:
        return self._shelf.those(ids, self.asked.collapse) if ids else nothing()

    def _history(self, bundle: Bundle) -> History:
        settings = bundle.config.training
        newest = self.past[-settings.history :]
        return numbered(newest, self.asked.query(), bundle.catalogue, settings.gains)

    def _left_out(self) -> set[str]:
        what = self.asked.left_out
        done = {
            past.item
            for past in self.past
            if what == "seen" or (what == "bought" and past.type == "purchase")
        }
        return done if self.asked.item is None else {*done, self.asked.item}

    def _popular(self) -> Sequence[str]:
        """Return the most demanded items, enough of them where they are all that is looked at."""
        demand = self._demand()
        found = self.in_use.engine.retrieve(demand)
        if self.kept is not None:
            self.kept.keep(demand, found)
        return found.ids

    def _demand(self) -> Retrieve:
        bundle = self.in_use.bundle
        whole = bundle is not None and len(bundle.catalogue) <= WHOLE and not self.asked.filters
        return self._shelf.popular(self.asked.k if whole else _POOL)

    def _near(self, vector: NDArray[np.float32], n: int) -> Sequence[str]:
        """Return the nearest items; none where the engine refuses the vector, which is told."""
        try:
            return self._shelf.near(vector, n)
        except EngineUnavailable:
            raise
        except EngineError as error:
            self.in_use.engine.retrieve(self._shelf.popular(1))  # raises where filters are refused
            log.error("recommending without vectors: %s", error)
            self.stages.degraded.append(Degraded("vector", str(error)))
            return []

    def _pool(
        self, bundle: Bundle, seen: Numbers, listed: Sequence[str], whole: bool = False
    ) -> Numbers:
        """Return the items that scorers look at: all, or those listed and the history's neighbours.

        Where filters hold, those listed are all that is known to meet them; `whole` looks at all
        of a large catalogue, too.
        """
        catalogue = bundle.catalogue
        if not self.asked.filters and (whole or len(catalogue) <= WHOLE):
            return np.arange(len(catalogue), dtype=np.int32)
        numbers = catalogue.ids.numbers(listed)
        if not self.asked.filters:
            numbers = np.concatenate([numbers, neighbours(bundle.scorers, seen)])
        return np.unique(numbers[numbers >= 0]).astype(np.int32)


def _elsewhere(catalogue: Catalogue, history: History, items: Numbers) -> Numbers:
    """Return the items that are of a department, and of none that the history has."""
    department = catalogue.department
    own = np.unique(department[history.items])
    of = department[items]
    return items[(of >= 0) & ~np.isin(of, own)]
