"""Rules that contradict each other or themselves, found when they are saved.

A conflict that nothing decides is an error: which rule is meant? One that the order of
application decides, and what cannot come true at present, is a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Literal

from search_rerank.data.item import Item
from search_rerank.engines.fields import ATTRIBUTE
from search_rerank.rules.base import Rule
from search_rerank.rules.boost import Boost, Bury
from search_rerank.rules.cap import Cap
from search_rerank.rules.exposure import Exposure
from search_rerank.rules.hide import Filter, Hide, Removal
from search_rerank.rules.indexed import UNKNOWN, Indexed
from search_rerank.rules.meeting import disjoint, may_meet, meeting
from search_rerank.rules.pin import Pin
from search_rerank.rules.rule_set import RuleSet
from search_rerank.rules.where import names_in, values_of

Level = Literal["error", "warning"]
_MOST = 100


@dataclass(frozen=True)
class Conflict:
    """What is wrong with some rules.

    Parameters
    ----------
    level
        `error`, with which the rules cannot be saved, or `warning`.
    kind
        `duplicate`, `place`, `item`, `removed`, `cap`, `contradiction`, `share`, `time`,
        `missing`, `attribute`.
    rules
        Their ids.
    message
        What was found, and what to do.
    """

    level: Level
    kind: str
    rules: tuple[str, ...]
    message: str


def told(conflict: Conflict) -> str:
    """Return a conflict in one line."""
    return f"{' and '.join(map(repr, conflict.rules))}: {conflict.message}"


def errors_of(rules: RuleSet) -> list[Conflict]:
    """Return what the rules cannot be used with."""
    return [one for one in conflicts(rules) if one.level == "error"]


def conflicts(
    rules: RuleSet, now_ms: int | None = None, indexed: Indexed = UNKNOWN
) -> list[Conflict]:
    """Return what is wrong with rules, errors first, at most 100.

    Parameters
    ----------
    now_ms
        The present, unix milliseconds, to name rules that are over.
    indexed
        What the live index holds of what they name; of what is not known nothing is said.
    """
    found = [*_duplicates(rules), *_times(rules, now_ms)]
    on = rules.in_order
    found += _pins([rule for rule in on if isinstance(rule, Pin)])
    found += _removals([rule for rule in on if isinstance(rule, Removal)])
    found += _shifts([rule for rule in on if isinstance(rule, Boost | Bury)])
    found += _shares([rule for rule in on if isinstance(rule, Exposure)])
    found += _against_pins(on, indexed.items)
    if indexed.attributes is not None:
        found += islice(_unknown(on, indexed.attributes), _MOST)
    return sorted(found, key=lambda one: one.level)[:_MOST]


def _duplicates(rules: RuleSet) -> Iterator[Conflict]:
    seen: set[str] = set()
    for rule in rules.rules:
        if rule.id in seen:
            yield Conflict(
                "error", "duplicate", (rule.id,), f"expected each id once, found {rule.id!r} again"
            )
        seen.add(rule.id)


def _times(rules: RuleSet, now_ms: int | None) -> Iterator[Conflict]:
    for rule in rules.in_order:
        window = rule.when.time
        if window is None:
            continue
        if window.never():
            message = "its time window never holds: see from, until, weekdays and hours"
            yield Conflict("error", "time", (rule.id,), message)
        elif now_ms is not None and window.over(now_ms):
            message = "its time window is over: remove the rule or extend it"
            yield Conflict("warning", "time", (rule.id,), message)


def _pins(pins: Sequence[Pin]) -> Iterator[Conflict]:
    by_place: dict[int, list[Pin]] = defaultdict(list)
    by_item: dict[str, list[Pin]] = defaultdict(list)
    for pin in pins:
        for id_, place in pin.places.items():
            by_place[place].append(pin)
            by_item[id_].append(pin)
    for place, several in by_place.items():
        for one, other in meeting(several):
            items = [_at(pin, place) for pin in (one, other)]
            if items[0] != items[1]:
                yield _of_pins(
                    "place", one, other, f"pin {items[0]!r} and {items[1]!r} to place {place}"
                )
    for id_, several in by_item.items():
        for one, other in meeting(several):
            places = one.places[id_], other.places[id_]
            if places[0] != places[1]:
                yield _of_pins(
                    "item", one, other, f"pin {id_!r} to places {places[0]} and {places[1]}"
                )


def _of_pins(kind: str, one: Pin, other: Pin, what: str) -> Conflict:
    both = (one.id, other.id)
    if one.priority == other.priority:
        message = f"both {what}: give them different priorities or conditions"
        return Conflict("error", kind, both, message)
    first = max(one, other, key=lambda pin: pin.priority)
    return Conflict("warning", kind, both, f"both {what}: {first.id!r} has it, by its priority")


def _at(pin: Pin, place: int) -> str:
    return next(id_ for id_, wanted in pin.places.items() if wanted == place)


def _removals(rules: Sequence[Removal]) -> Iterator[Conflict]:
    hides = [rule for rule in rules if isinstance(rule, Hide)]
    filters = [rule for rule in rules if isinstance(rule, Filter)]
    for one in filters:
        for other in hides:
            if one.where.key == other.where.key and may_meet(one.when, other.when):
                message = "one shows nothing but what the other hides: nothing is left"
                yield Conflict("error", "contradiction", (one.id, other.id), message)
    for mine, theirs in meeting(filters):
        if disjoint(mine.where.filters, theirs.where.filters):
            message = "no item meets both conditions: nothing is left where both hold"
            level: Level = "error" if mine.when == theirs.when else "warning"
            yield Conflict(level, "contradiction", (mine.id, theirs.id), message)


def _shifts(rules: Sequence[Boost | Bury]) -> Iterator[Conflict]:
    groups: dict[str, list[Boost | Bury]] = defaultdict(list)
    for rule in rules:
        groups[rule.where.key].append(rule)
    for several in groups.values():
        for one, other in meeting(several):
            if type(one) is type(other):
                continue
            both = (one.id, other.id)
            if one.priority == other.priority:
                message = "one boosts what the other buries: keep one, or give them priorities"
                yield Conflict("error", "contradiction", both, message)
            else:
                message = "one boosts what the other buries: both are applied, by their priorities"
                yield Conflict("warning", "contradiction", both, message)


def _shares(rules: Sequence[Exposure]) -> Iterator[Conflict]:
    by_first: dict[int, list[Exposure]] = defaultdict(list)
    for rule in rules:
        by_first[rule.first].append(rule)
    for several in by_first.values():
        apart: list[Exposure] = []
        for rule in sorted(several, key=lambda one: -one.share):
            filters = rule.where.filters
            if all(
                disjoint(filters, one.where.filters) and may_meet(rule.when, one.when)
                for one in apart
            ):
                apart.append(rule)
        total = sum(rule.share for rule in apart)
        if len(apart) > 1 and total > 1 + 1e-9:
            message = f"shares of groups without a common item add up to {total:.2f}, above 1"
            yield Conflict("error", "share", tuple(rule.id for rule in apart), message)


def _against_pins(rules: Sequence[Rule], items: Mapping[str, Item | None]) -> Iterator[Conflict]:
    removals = [rule for rule in rules if isinstance(rule, Removal)]
    caps = [rule for rule in rules if isinstance(rule, Cap)]
    for pin in rules:
        if not isinstance(pin, Pin):
            continue
        for id_ in pin.places:
            item = items.get(id_)
            if item is None and id_ in items:
                message = f"the index does not hold {id_!r}: nothing is pinned until it does"
                yield Conflict("warning", "missing", (pin.id,), message)
                continue
            for rule in removals:
                ids = rule.where.ids
                if ids is not None:
                    stays = (id_ in ids) == rule.keeps
                else:
                    stays = item is None or rule.admits(item)
                if not stays and may_meet(pin.when, rule.when):
                    message = f"{rule.id!r} leaves {id_!r} out: it is not pinned where both hold"
                    yield Conflict("warning", "removed", (pin.id, rule.id), message)
        for cap in caps:
            if may_meet(pin.when, cap.when):
                yield from _capped(pin, cap, items)


def _unknown(rules: Sequence[Rule], attributes: Collection[str]) -> Iterator[Conflict]:
    for rule in rules:
        named = [name for where in rule.wheres for name in names_in(where.filters)]
        for name in dict.fromkeys([*named, *rule.groups, *rule.numbers]):
            own = name.removeprefix(ATTRIBUTE)
            if own != name and own not in attributes:
                close = get_close_matches(own, attributes, n=1)
                hint = f"; did you mean {ATTRIBUTE + close[0]!r}?" if close else ""
                message = f"no item of the index has {name!r:.80}: the rule finds nothing in it"
                yield Conflict("warning", "attribute", (rule.id,), message + hint)


def _capped(pin: Pin, cap: Cap, items: Mapping[str, Item | None]) -> Iterator[Conflict]:
    count: dict[str, int] = defaultdict(int)
    for id_, place in pin.places.items():
        item = items.get(id_)
        if item is not None and place <= cap.first:
            for value in values_of(item, cap.by)[-1:]:
                count[value] += 1
    for value, n in count.items():
        if n > cap.most:
            message = (
                f"{n} of {value!r} are pinned among the first {cap.first}, the cap is {cap.most}: "
                "pins stay"
            )
            yield Conflict("warning", "cap", (pin.id, cap.id), message)
