"""All rules of a shop: in the order in which they are applied."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, cast

import orjson
from pydantic import Field

from search_rerank.config.section import Section
from search_rerank.rules.base import STAGES, Rule
from search_rerank.rules.boost import Boost, Bury
from search_rerank.rules.cap import Cap
from search_rerank.rules.diversify import Diversify
from search_rerank.rules.exposure import Exposure
from search_rerank.rules.facts import Questions
from search_rerank.rules.favour import Favour
from search_rerank.rules.hide import Filter, Hide, Removal
from search_rerank.rules.pin import Pin
from search_rerank.rules.when import normal

AnyRule = Annotated[
    Pin | Boost | Bury | Hide | Filter | Diversify | Cap | Exposure | Favour,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Rule]] = {
    kind.model_fields["kind"].default: kind
    for kind in (Pin, Boost, Bury, Hide, Filter, Diversify, Cap, Exposure, Favour)
}
GROUP_ID = "group_id"
MAX_RULES = 1_000


class RuleSet(Section):
    """The rules of a shop.

    Parameters
    ----------
    rules
        In any order.
    """

    rules: Annotated[tuple[AnyRule, ...], Field(max_length=MAX_RULES)] = ()

    @cached_property
    def in_order(self) -> Sequence[Rule]:
        """Those that are enabled, in the order in which they are applied."""
        on: Iterable[Rule] = (rule for rule in self.rules if rule.enabled)
        return sorted(on, key=lambda one: (STAGES.index(one.stage), one.priority, one.id))

    def that_may_hold(self, texts: Iterable[str]) -> Sequence[Rule]:
        """Return, in order, those whose condition on the query may hold for one of some texts.

        A shop may have a pin for each of its thousand queries: those that name whole texts are
        found by them.
        """
        named = {place for text in texts for place in self._by_text.get(text, ())}
        if not named:
            return self._open
        return [
            rule
            for place, rule in enumerate(self.in_order)
            if place in named or not _names_texts(rule)
        ]

    @cached_property
    def _open(self) -> Sequence[Rule]:
        return [rule for rule in self.in_order if not _names_texts(rule)]

    @cached_property
    def _by_text(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, rule in enumerate(self.in_order):
            query = rule.when.query
            if query is not None and not query.open:
                for text in {normal(one) for one in query.exact}:
                    found[text].append(place)
        return dict(found)

    @cached_property
    def questions(self) -> Questions:
        """All that the rules ask of items; of pins, which product an item is a variant of."""
        wheres = [where for rule in self.in_order for where in rule.wheres if where.ids is None]
        groups = [name for rule in self.in_order for name in rule.groups]
        groups += [GROUP_ID for rule in self.in_order if isinstance(rule, Pin)]
        numbers = (name for rule in self.in_order for name in rule.numbers)
        by_key = {where.key: where for where in wheres}
        return Questions(by_key, list(dict.fromkeys(groups)), list(dict.fromkeys(numbers)))

    @cached_property
    def etag(self) -> str:
        """A hash of the rules: other rules have another."""
        return blake2b(self.to_json(), digest_size=16).hexdigest()

    def to_json(self) -> bytes:
        """Return what `parse_rules` takes, as text; what is as by default is left out."""
        rows = [
            {"id": rule.id, "kind": rule.kind}
            | rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for rule in self.rules
        ]
        return orjson.dumps({"rules": rows}, option=orjson.OPT_INDENT_2)

    def with_rule(self, rule: Rule) -> RuleSet:
        """Return the rules with one in the place of that of its id, or at the end."""
        rows: tuple[Rule, ...] = tuple(rule if one.id == rule.id else one for one in self.rules)
        there = any(one.id == rule.id for one in self.rules)
        return RuleSet.model_construct(rules=rows if there else (*rows, rule))  # type: ignore[arg-type]

    def without(self, id_: str) -> RuleSet:
        """Return the rules but that of an id."""
        return RuleSet.model_construct(rules=tuple(one for one in self.rules if one.id != id_))


NO_RULES = RuleSet()


def by_stage(rules: Sequence[Rule]) -> tuple[list[Removal], list[Rule], list[Pin]]:
    """Split rules that are in order into what removes, what moves, and pins."""
    moves, pins = (
        bisect_left(rules, place, key=lambda rule: STAGES.index(rule.stage)) for place in (1, 2)
    )
    found = list(rules[:moves]), list(rules[moves:pins]), list(rules[pins:])
    return cast(tuple[list[Removal], list[Rule], list[Pin]], found)


def _names_texts(rule: Rule) -> bool:
    return rule.when.query is not None and not rule.when.query.open
