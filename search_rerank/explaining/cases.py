"""The cases that reasons are written for, and what a sentence may name in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One case that holds for a hit, with the facts that its sentence may name."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)


FALLBACK = "fallback."

CASES: Mapping[str, tuple[str, ...]] = {
    "brand.category": ("brand", "category"),
    "brand.known": ("brand",),
    "category.known": ("category",),
    "usual_price.near": (),
    "again.seen": (),
    "attributes.word": ("value",),
    "together.item": ("item",),
    "alike.item": ("item",),
    "goes_with.item": ("item",),
    "match.all": ("query",),
    "match.some": ("query",),
    "meaning.near": ("query",),
    "searches.same": ("query",),
    "searches.like": ("query",),
    "searched_category.known": ("query", "category"),
    "results.near": ("query",),
    "demand.popular": (),
    "shown.chosen": (),
    "trend.rising": (),
    "category_demand.known": ("category",),
    "price.low": (),
    "rating.high": ("rating",),
    "lately.chosen": (),
    "fallback.personal": (),
    "fallback.beside": (),
    "fallback.query": ("query",),
    "fallback.shop": (),
}
"""Case to the names of its facts.

A case before the dot is a family of features; `fallback` is what is said where no case of the
leading family holds: of a shopper with a history, of the product that the page shows, of the words
searched for, and of the shop.
"""
