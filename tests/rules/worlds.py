"""Items made by hand, and rankings of them as rules see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from search_rerank.data.item import Item
from search_rerank.rules.base import Rule, View
from search_rerank.rules.facts import Facts, FactTable
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rule_set import RuleSet

BRANDS = ("Acme", "Boreal", "Corvane")


def item(n: int) -> Item:
    """Return an item: brands take turns, each fifth has none; each third is out of stock."""
    return Item(
        id=f"i{n}",
        title=f"item {n}",
        brand=None if n % 5 == 4 else BRANDS[n % 3],
        category=["All", "Even" if n % 2 == 0 else "Odd"],
        price=float(n),
        in_stock=n % 3 != 0,
        attributes={"margin": (n * 7) % 11} if n % 4 else {},
    )


def unknown(id_: str) -> Item:
    """Return an item of which nothing is known."""
    return Item(id=id_, title=id_)


def rule(**fields: Any) -> Rule:
    return parse_rules([{"id": "rule"} | fields]).rules[0]


def view(of: Rule, items: Sequence[Item], order: Sequence[int] | None = None) -> View:
    """Return items as a rule sees them, in an order of their rows; as they are without one."""
    table = FactTable(RuleSet(rules=(of,)).questions)  # type: ignore[arg-type]
    ids = [one.id for one in items]
    facts = Facts(table.questions, ids, lambda: table.of_items(items))
    rows = range(len(items)) if order is None else order
    return View(ids, np.array(list(rows), dtype=np.intp), facts)


def ids(of: Rule, items: Sequence[Item], order: Sequence[int] | None = None) -> list[str]:
    """Return the ids that a rule makes of a ranking."""
    seen = view(of, items, order)
    return [items[row].id for row in of.apply(seen).order.tolist()]


def named(text: str) -> list[Item]:
    """Return items of brands that letters stand for, ``.`` being none: ids are a0, b1, .2."""
    return [
        Item(id=f"{letter}{n}", title=letter, brand=None if letter == "." else letter)
        for n, letter in enumerate(text)
    ]
