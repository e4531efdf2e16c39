"""One request under the rules: what the engine is asked, what is put in, what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Basis
from search_rerank.asking import encoded
from search_rerank.data.item import Item
from search_rerank.engines.base import Engine
from search_rerank.engines.conditions import MAX_CONDITIONS, count_conditions
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Filters, Query
from search_rerank.ranking import Ranking, Ruled
from search_rerank.retriever import MEANING
from search_rerank.rules.applying import Applying
from search_rerank.rules.base import Rule
from search_rerank.rules.facts import Answers, Facts, FactTable
from search_rerank.rules.hide import Hide
from search_rerank.rules.putting_in import with_items
from search_rerank.rules.rule_set import RuleSet, by_stage
from search_rerank.rules.when import Asked, normal
from search_rerank.rules.where import meets
from search_rerank.stages import Stages

log = logging.getLogger(__name__)
STAGE = "rules"
R = TypeVar("R", bound=Rule)
Retrieved = Callable[[Filters], Candidates]


class Ruling:
    """The rules that hold for one request.

    Parameters
    ----------
    rules
        All of them.
    table
        Keeps what they asked of items.
    engine
        Where the items are.
    asked, query
        What their conditions look at, and the request itself.
    stages
        Of the request: gets the time that rules take, and which of them failed.
    moves
        Whether rules may change the order; where the shopper chose it, items are only left out.
    refused
        Rule to why the live index cannot filter by it.
    """

    def __init__(
        self,
        rules: RuleSet,
        table: FactTable,
        engine: Engine,
        asked: Asked,
        query: Query,
        stages: Stages,
        moves: bool,
        refused: Mapping[str, str],
    ) -> None:
        self._set = rules
        self._table = table
        self._engine = engine
        self._asked = asked
        self._query = query
        self._stages = stages
        self._moves = moves
        self._refused = refused
        self._hold()
        self._pushed: list[Rule] = []
        self._put_in: list[int] = []

    @property
    def held(self) -> set[str]:
        """Ids of the rules that hold, whoever asks."""
        return {rule.id for rule in self._rules}

    def candidates(
        self, retrieve: Retrieved, in_use: InUse, shelf: bool = False, but: str | None = None
    ) -> Candidates:
        """Return what a request finds under the rules, and the items that pins put in after it.

        Parameters
        ----------
        retrieve
            Returns what is found with filters.
        in_use
            Scores what is put in.
        shelf
            Whether the index is not searched but looked through, where filters make the choice
            poorer: then few items that are hidden are better left out afterwards.
        but
            An item that no pin puts in: the one that the page is about.

        Raises
        ------
        EngineError
            What `retrieve` raises with the request's own filters.
        """
        if not self._set.in_order:
            return retrieve(self._query.filters)
        found = self._retrieved(retrieve, shelf)
        if found.searched is not None:
            self.look_at(found.searched)
        pins = self._pins if self._moves else []
        lacking = {id_ for pin in pins for id_ in pin.places} - set(found.ids) - {but}
        if not lacking:
            return found
        try:
            request = encoded(in_use, self._query, self._stages)
            put_in = partial(with_items, found, lacking, self._may_enter, request, in_use)
            more = self._stages.run("retrieve", put_in)
        except Exception as error:  # the answer is whole without them
            for pin in pins:
                self._lost(pin, error)
            return found
        self._put_in = list(range(len(found), len(more)))
        return more

    def look_at(self, searched: str) -> None:
        """Let conditions look at the text that was searched instead of the one typed, too."""
        texts = dict.fromkeys([*self._asked.texts, normal(searched)])
        self._asked = replace(self._asked, texts=tuple(texts))
        self._hold()

    def narrowed(self, filters: Filters, shelf: bool = False) -> Filters:
        """Return filters with those of rules beside them, as far as an engine can take them.

        Rules that ask who the shopper is, that name a field the index cannot filter on, and those
        for which there is no room are applied to the answer.
        """
        self._pushed = []
        size = count_conditions(filters)
        most = MAX_CONDITIONS // 2 if shelf else MAX_CONDITIONS  # the rest names its items
        for rule in self._removals:
            more = 1 + count_conditions(rule.where.filters)
            early = rule.id not in self._refused and not rule.when.of_shopper
            if early and size + more <= most and not (shelf and isinstance(rule, Hide)):
                filters, size = rule.narrowed(filters), size + more
                self._pushed.append(rule)
        return filters

    def admits(self, history: int = 0, basis: Basis | None = None) -> Callable[[Item], bool]:
        """Return what tells whether an item may be shown to such a shopper."""
        rules = [rule for rule in self._removals if rule.when.holds_for(history, basis)]
        return lambda item: all(rule.admits(item) for rule in rules)

    def still_shown(
        self, places: Mapping[str, int], candidates: Candidates, ranking: Ranking
    ) -> Mapping[str, int]:
        """Return those of the items that a caller gave that no rule leaves out."""
        if not self._removals:
            return places
        shown = {candidates.ids[row] for row in ranking.order.tolist()}
        ranked, admits = set(candidates.ids), self.admits(ranking.history, ranking.basis)
        return {
            id_: place
            for id_, place in places.items()
            if id_ in shown or (id_ not in ranked and admits(Item(id=id_, title=id_)))
        }

    def applied(self, candidates: Candidates, ranking: Ranking) -> tuple[Candidates, Ranking]:
        """Return candidates with their total, and the ranking as the rules have it.

        A rule that fails is left out, and `degraded` names it.
        """
        if not self._rules:
            return candidates, ranking
        with self._stages.timed(STAGE):
            return self._apply(candidates, ranking)

    def _apply(self, candidates: Candidates, ranking: Ranking) -> tuple[Candidates, Ranking]:
        ids = candidates.ids
        order, put_in = ranking.order, np.array(self._put_in, dtype=np.intp)
        if len(put_in):
            order = order[~np.isin(order, put_in)]
        facts = Facts(self._table.questions, ids, partial(self._answers, ids))
        way = Applying(ids, order, put_in, facts, self._lost)
        pushed = {rule.id for rule in self._pushed}
        way.remove(_held(self._removals, ranking), pushed)
        total = candidates.total
        if len(way.order) < len(order):
            total -= self._counted(candidates, np.setdiff1d(order, way.order))
        if self._moves:
            way.move(_held(self._shifts, ranking))
            if pins := _held(self._pins, ranking):
                way.pin(pins, self._query.collapse)
        entered = int(np.isin(way.order, put_in).sum()) if len(put_in) else 0
        by = {row: tuple(names) for row, names in way.by.items()}
        ruled = Ruled(order, by, tuple(way.uses), way.pinned)
        shown = replace(candidates, total=max(total, entered))
        return shown, replace(ranking, order=way.order, ruled=ruled)

    def _counted(self, candidates: Candidates, rows: NDArray[np.intp]) -> int:
        """Return how many rows the total counts: what is near in meaning alone is no match."""
        if not self._query.text.strip() or MEANING in candidates.relaxed:
            return len(rows)
        return int((candidates.lexical[rows] > 0).sum())

    def _retrieved(self, retrieve: Retrieved, shelf: bool) -> Candidates:
        own = self._query.filters
        filters = self.narrowed(own, shelf)
        try:
            return retrieve(filters)
        except EngineUnavailable:
            raise
        except EngineError as error:
            if not self._pushed:
                raise
            # The live index may be another one since the rules were compared with it.
            found = retrieve(own)
            for rule in self._pushed:
                self._lost(rule, error)
            self._pushed = []
            return found

    def _answers(self, ids: Sequence[str]) -> Answers:
        until = self._stages.deadline.of(STAGE)
        return self._stages.guards.aside.one(partial(self._table.answers, self._engine, ids), until)

    def _lost(self, rule: Rule, error: Exception) -> None:
        self._stages.lost(f"{STAGE}.{rule.id}", error)

    def _hold(self) -> None:
        """Choose the rules that hold, whoever asks."""
        may_hold = self._set.that_may_hold(self._asked.texts)
        self._rules = [rule for rule in may_hold if rule.when.holds(self._asked)]
        self._removals, self._shifts, self._pins = by_stage(self._rules)

    def _may_enter(self, item: Item) -> bool:
        """Return whether an item may be put in; who the shopper is comes later."""
        sure = (rule for rule in self._removals if not rule.when.of_shopper)
        return meets(item, self._query.filters) and all(rule.admits(item) for rule in sure)


def _held(rules: Iterable[R], ranking: Ranking) -> list[R]:
    """Return the rules that hold for the shopper of a ranking."""
    return [rule for rule in rules if rule.when.holds_for(ranking.history, ranking.basis)]
