"""Rules applied to one ranking, in order: what is left out, what moves, and pins last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import RuleUse
from search_rerank.rules.base import Applied, Known, Rule, View
from search_rerank.rules.hide import Removal
from search_rerank.rules.pin import Pin, pinned
from search_rerank.rules.rule_set import GROUP_ID

Order = NDArray[np.intp]
Lost = Callable[[Rule, Exception], None]
"""Told of each rule that failed, which the ranking does without."""


@dataclass
class Applying:
    """One ranking on its way through the rules.

    Parameters
    ----------
    ids
        Of all rows.
    order
        (m,), the rows that are ranked, best first; what pins put in is apart.
    put_in
        (p,), the rows that pins put in.
    facts
        What is known of the rows' items.
    lost
        Is told of rules that failed.
    """

    ids: Sequence[str]
    order: Order
    put_in: Order
    facts: Known
    lost: Lost
    by: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Row to the ids of the rules that meant it."""
    uses: list[RuleUse] = field(default_factory=list)
    """What each rule did."""
    pinned: frozenset[int] = frozenset()
    """The rows that have their places by a pin."""

    def remove(self, rules: Sequence[Removal], pushed: Collection[str]) -> None:
        """Leave out what rules do not show; to those whose ids are `pushed` the engine has seen."""
        for rule in rules:
            if rule.id in pushed:
                self._note(rule, Applied(self.order))
                continue
            both = np.concatenate([self.order, self.put_in])
            done = self._done(rule, both)
            if done is not None:
                entered = np.isin(done.order, self.put_in)
                self.order, self.put_in = done.order[~entered], done.order[entered]
                self._note(rule, done)

    def move(self, rules: Sequence[Rule]) -> None:
        """Let rules change the order, one after another."""
        for rule in rules:
            done = self._done(rule, self.order)
            if done is not None:
                self.order = done.order
                self._note(rule, done)

    def pin(self, pins: Sequence[Pin], collapse: bool) -> None:
        """Put items to their places; `collapse` shows no other variant of what was put in."""
        # Of what was removed a pin knows nothing.
        there = {self.ids[row]: row for row in (*self.order.tolist(), *self.put_in.tolist())}
        try:
            order, placed = pinned(there, self.order, reversed(pins))
            if collapse and not placed.keys().isdisjoint(self.put_in.tolist()):
                order = _without_variants(order, self.facts.groups(GROUP_ID), list(placed))
        except Exception as error:
            for pin in pins:
                self.lost(pin, error)
            return
        self.order, self.pinned = order, frozenset(placed)
        for pin in pins:
            self._note(pin, Applied(order, [row for row, own in placed.items() if own is pin]))

    def _done(self, rule: Rule, order: Order) -> Applied | None:
        try:
            return rule.apply(View(self.ids, order, self.facts))
        except Exception as error:  # the order stands without it
            self.lost(rule, error)
            return None

    def _note(self, rule: Rule, done: Applied) -> None:
        items = tuple(map(self.ids.__getitem__, done.rows))
        self.uses.append(RuleUse(rule.id, rule.kind, items, done.measured))
        by, id_ = self.by, rule.id
        for row in done.rows:
            by[row].append(id_)


def _without_variants(order: Order, group: NDArray[np.int32], placed: Sequence[int]) -> Order:
    """Return an order without other variants of the products whose items have their places.

    Parameters
    ----------
    group
        int32 (n,), by row, of which product an item is a variant; -1 of none.
    placed
        Rows of pinned items.
    """
    taken = np.setdiff1d(group[placed], [-1])
    return order[~np.isin(group[order], taken) | np.isin(order, placed)]
