"""Whether both engines answer the same: totals, facets under filters, and the first ten items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.judged import FIRST, Systems
from search_rerank.engines.base import Retrieve
from search_rerank.query import Candidates, Facet, Filters, Range

BANDS = (Range(lte=20), Range(gte=20, lte=100), Range(gte=100))


def congruence(systems: Systems, attribute: str) -> list[dict[str, Any]]:
    """Return rows of the agreement of the two engines; none where there is only one.

    `overlap@10` is the mean share of the first ten that both have. `equal_totals`,
    `equal_facets` (counts of values) and `equal_ranges` (counts of price ranges) are
    shares of the queries, each asked without a filter and under several.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in systems.engines))
    if len(kinds) < 2:
        return []
    rows: list[dict[str, Any]] = []
    for mode in ("words", "vectors"):
        (one, first), (other, second) = (systems.engines[kind, mode] for kind in kinds)
        overlaps = []
        for n in range(len(systems.queries)):
            request = systems.request(n, mode)
            pair = one.retrieve(request, first), other.retrieve(request, second)
            overlaps.append(_overlap(*pair))
        rows.append({"system": f"congruence_{mode}", f"overlap@{FIRST}": float(np.mean(overlaps))})
    rows.append({"system": "congruence_filters", **_counts(systems, kinds, attribute)})
    return rows


def _counts(systems: Systems, kinds: list[str], attribute: str) -> dict[str, float]:
    (one, first), (other, second) = (systems.engines[kind, "words"] for kind in kinds)
    equal: dict[str, list[bool]] = {"equal_totals": [], "equal_facets": [], "equal_ranges": []}
    for n in range(len(systems.queries)):
        plain = replace(systems.request(n, "words"), facets=_facets(attribute), k=FIRST)
        pairs = [
            (one.retrieve(asked, first), other.retrieve(asked, second))
            for asked in _filtered(plain, one.retrieve(plain, first))
        ]
        equal["equal_totals"].append(all(a.total == b.total for a, b in pairs))
        equal["equal_facets"].append(all(_values(a) == _values(b) for a, b in pairs))
        equal["equal_ranges"].append(all(_ranges(a) == _ranges(b) for a, b in pairs))
    return {name: float(np.mean(all_)) for name, all_ in equal.items()}


def _facets(attribute: str) -> tuple[Facet, ...]:
    return (
        Facet("brand"),
        Facet(f"attributes.{attribute}", size=10),
        Facet("price", kind="ranges", ranges=BANDS),
    )


def _filtered(plain: Retrieve, found: Candidates) -> Iterator[Retrieve]:
    """Yield a request without and with filters by the brand most found and by price."""
    brands = tuple(value for value, _ in found.facets["brand"][:1])
    brand, price = Filters(terms={"brand": brands}), Filters(ranges={"price": BANDS[1]})
    both = Filters(all_of=(brand, price))
    neither = Filters(none_of=(brand, price))
    for filters in (Filters(), brand, price, both, Filters(any_of=(brand, price)), neither):
        yield replace(plain, filters=filters)


def _overlap(one: Candidates, other: Candidates) -> float:
    a, b = set(one.ids[:FIRST]), set(other.ids[:FIRST])
    return len(a & b) / max(1, len(a), len(b))


def _values(found: Candidates) -> dict[str, list[tuple[str, int]]]:
    return {name: list(counts) for name, counts in found.facets.items() if name != "price"}


def _ranges(found: Candidates) -> list[tuple[str, int]]:
    return list(found.facets["price"])
