"""Which rules may hold for one request, and which filters no item can meet at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import TypeVar

from search_rerank.query import Filters
from search_rerank.rules.base import Rule
from search_rerank.rules.when import When, normal

ONE_VALUE = ("id", "brand", "currency", "in_stock", "group_id")
"""Fields of which an item has one value at most."""
R = TypeVar("R", bound=Rule)


def meeting(rules: Iterable[R]) -> Iterator[tuple[R, R]]:
    """Yield the pairs that may hold for one request, each once.

    A shop may have a pin for each of its thousand queries: those that name whole texts meet only
    where they name the same.
    """
    by_text: dict[str, list[R]] = defaultdict(list)
    named: list[R] = []
    others: list[R] = []
    for rule in rules:
        query = rule.when.query
        if query is None or query.open:
            others.append(rule)
            continue
        named.append(rule)
        for text in {normal(one) for one in query.exact}:
            by_text[text].append(rule)
    pairs = [*combinations(others, 2), *product(named, others)]
    pairs += (pair for rules in by_text.values() for pair in combinations(rules, 2))
    seen: set[tuple[int, int]] = set()
    for one, other in pairs:
        key = id(one), id(other)
        if key not in seen and may_meet(one.when, other.when):
            seen.add(key)
            yield one, other


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
    if mine.open:
        return True
    return any(theirs.holds(normal(text)) for text in mine.exact)


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
