"""What rules of the shop make of the lists of a replay, to see what they cost."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed
from search_rerank.rules.applying import Applying
from search_rerank.rules.base import Rule
from search_rerank.rules.facts import Answers, Facts, FactTable
from search_rerank.rules.hide import Removal
from search_rerank.rules.pin import Pin
from search_rerank.rules.rule_set import RuleSet
from search_rerank.rules.when import Asked, categories_of, normal

log = logging.getLogger(__name__)
_NONE = np.zeros(0, dtype=np.intp)


class Ruled:
    """Scores rows by the places that rules give them, as far as a log can tell.

    Items are as the catalogue has them today, nothing is put in that was not among the candidates,
    what is left out comes last, and rules for what a ranking knew its shopper from (`basis`) do
    not hold.

    Parameters
    ----------
    rules
        The rules.
    items
        The catalogue, in the order of its numbers.
    occasions, history
        The queries that will come, and how many interactions each one's shopper had.
    """

    def __init__(
        self,
        rules: RuleSet,
        items: Sequence[Item],
        occasions: Sequence[Occasion],
        history: NDArray[np.integer],
    ) -> None:
        self._rules = rules
        self._ids = [item.id for item in items]
        answers = FactTable(rules.questions, len(items) + 1).of_items(items)
        # What the catalogue does not hold is the last, of which nothing is known.
        self._answers = Answers(
            np.pad(answers.met, ((0, 0), (0, 1))),
            np.pad(answers.group, ((0, 0), (0, 1)), constant_values=-1),
            np.pad(answers.number, ((0, 0), (0, 1)), constant_values=np.nan),
        )
        keys = (_key(one.query) for one in occasions)
        self._history = dict(zip(keys, history.tolist(), strict=True))

    def __call__(self, part: Replayed, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 (n,), higher is better; ties of the scores go by the engine's order."""
        table = part.table
        found = np.empty(len(table))
        order = np.lexsort((table.engine_rank, -scores, table.group))
        for group, occasion in enumerate(part.occasions):
            rows = order[table.offsets[group] : table.offsets[group + 1]]
            ruled = self._ruled(part.items[rows], occasion.query)
            left_out = np.setdiff1d(np.arange(len(rows)), ruled)
            found[rows[np.concatenate([ruled, left_out])]] = -np.arange(len(rows))
        return found

    def _ruled(self, items: NDArray[np.int32], query: Query) -> NDArray[np.intp]:
        """Return places of a list in the rules' order, without those that are left out."""
        at = self._answers
        facts = Facts(
            self._rules.questions,
            ids := [self._ids[number] if number >= 0 else "" for number in items.tolist()],
            lambda: Answers(at.met[:, items], at.group[:, items], at.number[:, items]),
        )
        rules = self._holding(query)
        way = Applying(ids, np.arange(len(items)), _NONE, facts, _fail)
        way.remove([rule for rule in rules if isinstance(rule, Removal)], ())
        way.move([rule for rule in rules if rule.stage == "move"])
        way.pin([rule for rule in rules if isinstance(rule, Pin)], collapse=False)
        return way.order

    def _holding(self, query: Query) -> list[Rule]:
        texts, history = (normal(query.text),), self._history.get(_key(query), 0)
        asked = Asked("search", texts, categories_of(query.filters), query.now_ms)
        return [
            rule
            for rule in self._rules.that_may_hold(texts)
            if rule.when.holds(asked) and rule.when.holds_for(history, None)
        ]


def _key(query: Query) -> tuple[str | None, str | None, str, int]:
    return query.user, query.session, query.text, query.now_ms


def _fail(rule: Rule, error: Exception) -> None:
    raise error


def in_order_of(ids: Sequence[str], items: Sequence[Item]) -> list[Item]:
    """Return items in the order of ids; of several with one id the last."""
    by_id: Mapping[str, Item] = {item.id: item for item in items}
    return [by_id[id_] for id_ in ids]
