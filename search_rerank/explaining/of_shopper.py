"""What is true of the shopper and an item."""

from __future__ import annotations

import numpy as np

from search_rerank.explaining.cases import Case
from search_rerank.explaining.facts import Check, Facts

_NEAR = 0.25
"""A price this share above or below the usual one is near it."""


def brand(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item's brand is one of the history's, and its category with it."""
    item, seen = facts.number(row), facts.taken
    brand = facts.catalogue.brand[item] if item >= 0 else -1
    same = seen[facts.catalogue.brand[seen] == brand] if brand >= 0 else seen[:0]
    if not len(same):
        return []
    name, leaf = facts.catalogue.brands[brand], facts.leaf(row)
    found = [Case("brand.known", {"brand": name})]
    if leaf >= 0 and (facts.catalogue.leaf[same] == leaf).any():
        found.insert(0, Case("brand.category", {"brand": name, "category": facts.label(leaf)}))
    return found


def category(facts: Facts, row: int, feature: str) -> list[Case]:
    """Name the deepest category of the item that the history has, too."""
    item, seen = facts.number(row), facts.taken
    for level in reversed(range(facts.catalogue.category.shape[1] if item >= 0 else 0)):
        of = facts.catalogue.category[:, level]
        if of[item] >= 0 and (of[seen] == of[item]).any():
            return [Case("category.known", {"category": facts.label(of[item])})]
    return []


def usual_price(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item costs about what the history's items cost."""
    near = abs(facts.value("user.price_distance", row)) <= np.log1p(_NEAR)
    return [Case("usual_price.near")] if near and len(facts.taken) else []


def again(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item itself is in the history."""
    return [Case("again.seen")] if facts.number(row) in facts.taken.tolist() else []


def attributes(facts: Facts, row: int, feature: str) -> list[Case]:
    """Name the rarest word of the item's attributes that the history has, too."""
    own, item = facts.catalogue.properties, facts.number(row)
    if item < 0 or not own:
        return []
    _, mine = own.of(np.array([item], dtype=np.int32))
    _, theirs = own.of(facts.taken)
    both = np.intersect1d(mine, theirs)
    if not len(both):
        return []
    return [Case("attributes.word", {"value": own.words[both[np.argmax(own.rarity[both])]]})]


def past_item(name: str) -> Check:
    """Return what names the item of the newest past that alone raises a scorer's opinion most.

    Parameters
    ----------
    name
        Of the case.
    """

    def check(facts: Facts, row: int, feature: str) -> list[Case]:
        scorer = feature.removeprefix("score.").removesuffix("_place")
        item = facts.number(row)
        alone = {number: score for number, score in facts.alone(scorer, row) if number != item}
        best = max(alone, key=lambda number: alone[number], default=None)
        if best is None or not alone[best] > 0:
            return []
        id_ = facts.catalogue.ids.id(best)
        title = facts.titles([id_]).get(id_)
        return [] if title is None else [Case(name, {"item": title})]

    return check
