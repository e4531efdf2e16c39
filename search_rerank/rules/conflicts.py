"""Rules that contradict each other or themselves, found when they are saved.

A conflict that nothing decides is an error: which rule is meant? One that the order of
application decides, and what cannot come true at present, is a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeVar

from search_rerank.data.item import Item
from search_rerank.query import Filters
from search_rerank.rules.base import Rule
from search_rerank.rules.boost import Boost, Bury
from search_rerank.rules.cap import Cap
from search_rerank.rules.exposure import Exposure
from search_rerank.rules.hide import Filter, Hide, Removal
from search_rerank.rules.pin import Pin
from search_rerank.rules.rule_set import RuleSet
from search_rerank.rules.when import When, normal
from search_rerank.rules.where import values_of

ONE_VALUE = ("id", "brand", "currency", "in_stock", "group_id")
"""Fields of which an item has one value at most."""
_MOST = 100
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Conflict:
    """What is wrong with some rules.

    Parameters
    ----------
    level
        `error`, with which the rules cannot be saved, or `warning`.
    kind
        `duplicate`, `place`, `item`, `removed`, `cap`, `contradiction`, `share`, `time`,
        `missing`.
    rules
        Their ids.
    message
        What was found, and what to do.
    """

    level: Literal["error", "warning"]
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
    rules: RuleSet, now_ms: int | None = None, items: Mapping[str, Item | None] | None = None
) -> list[Conflict]:
    """Return what is wrong with rules, errors first, at most 100.

    Parameters
    ----------
    now_ms
        The present, unix milliseconds, to name rules that are over.
    items
        Pinned items as the index has them, None for one it does not hold; left out, nothing is
        said about them.
    """
    found = [*_duplicates(rules), *_times(rules, now_ms)]
    on = rules.in_order
    found += _pins([rule for rule in on if isinstance(rule, Pin)])
    found += _removals([rule for rule in on if isinstance(rule, Removal)])
    found += _shifts([rule for rule in on if isinstance(rule, Boost | Bury)])
    found += _shares([rule for rule in on if isinstance(rule, Exposure)])
    found += _against_pins(on, items or {})
    return sorted(found, key=lambda one: one.level)[:_MOST]


def pinned_items(rules: RuleSet) -> list[str]:
    """Return the items whose fields `conflicts` wants to know."""
    pins = (rule for rule in rules.in_order if isinstance(rule, Pin))
    return list(dict.fromkeys(id_ for pin in pins for id_ in pin.places))


def may_meet(one: When, other: When) -> bool:
    """Return whether two rules may hold for one request, as far as can be told; else True."""
    if not set(one.on) & set(other.on):
        return False
    for mine, theirs in ((one.segments, other.segments), (one.basis, other.basis)):
        if mine and theirs and not set(mine) & set(theirs):
            return False
    if one.time and other.time and one.time.apart(other.time):
        return False
    return _texts_meet(one, other) and _texts_meet(other, one)


def _texts_meet(one: When, other: When) -> bool:
    """Return False where all that one holds for is known, and the other holds for none of it."""
    mine, theirs = one.query, other.query
    if mine is None or theirs is None:
        return True
    if mine.contains or mine.all_words or mine.pattern:
        return True
    return any(theirs.holds(normal(text)) for text in mine.exact)


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
        for one, other in _meeting(several):
            items = [_at(pin, place) for pin in (one, other)]
            if items[0] != items[1]:
                yield _of_pins(
                    "place", one, other, f"pin {items[0]!r} and {items[1]!r} to place {place}"
                )
    for id_, several in by_item.items():
        for one, other in _meeting(several):
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
    for one, other in _meeting(rules):
        both = (one.id, other.id)
        kinds = {type(one), type(other)}
        if kinds == {Hide, Filter} and one.where.key == other.where.key:
            message = "one shows nothing but what the other hides: nothing is left"
            yield Conflict("error", "contradiction", both, message)
        elif kinds == {Filter} and disjoint(one.where.filters, other.where.filters):
            message = "no item meets both conditions: nothing is left where both hold"
            same = one.when == other.when
            yield Conflict("error" if same else "warning", "contradiction", both, message)


def _shifts(rules: Sequence[Boost | Bury]) -> Iterator[Conflict]:
    groups: dict[str, list[Boost | Bury]] = defaultdict(list)
    for rule in rules:
        groups[rule.where.key].append(rule)
    for several in groups.values():
        for one, other in _meeting(several):
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
            item = items.get(id_, Item(id=id_, title=id_))
            if item is None:
                message = f"the index does not hold {id_!r}: nothing is pinned until it does"
                yield Conflict("warning", "missing", (pin.id,), message)
                continue
            for rule in removals:
                sure = id_ in items or rule.where.ids is not None
                if sure and not rule.admits(item) and may_meet(pin.when, rule.when):
                    message = f"{rule.id!r} leaves {id_!r} out: it is not pinned where both hold"
                    yield Conflict("warning", "removed", (pin.id, rule.id), message)
        for cap in caps:
            if may_meet(pin.when, cap.when):
                yield from _capped(pin, cap, items)


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


def disjoint(one: Filters, other: Filters) -> bool:
    """Return whether surely no item meets both filters."""
    for name in ONE_VALUE:
        mine, theirs = one.terms.get(name), other.terms.get(name)
        if mine and theirs and not set(mine) & set(theirs):
            return True
    for name, span in one.ranges.items():
        with_ = other.ranges.get(name)
        if with_ is not None:
            low = max((one for one in (span.gte, with_.gte) if one is not None), default=None)
            high = min((one for one in (span.lte, with_.lte) if one is not None), default=None)
            if low is not None and high is not None and low > high:
                return True
    return False


def _meeting(rules: Iterable[R]) -> Iterator[tuple[R, R]]:
    """Yield the pairs that may hold for one request."""
    return (pair for pair in combinations(rules, 2) if may_meet(pair[0].when, pair[1].when))
