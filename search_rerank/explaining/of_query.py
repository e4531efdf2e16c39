"""What is true of the words searched for and an item."""

from __future__ import annotations

from search_rerank.explaining.cases import Case
from search_rerank.explaining.facts import FEW, Facts
from search_rerank.explaining.of_item import demand
from search_rerank.state.base import QUERY_HALF_LIVES_DAYS

_LONGEST = QUERY_HALF_LIVES_DAYS.index(180.0)


def match(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that all words of the query, or some, are in the item's texts.

    Where nothing was typed the engine's order is that of demand.
    """
    if not facts.query:
        return demand(facts, row, feature)
    if facts.value("match.text_share", row) == 1.0:
        return facts.query_case("match.all")
    has = facts.value("match.text_share", row) > 0 or facts.moment.candidates.lexical[row] > 0
    return facts.query_case("match.some") if has else []


def meaning(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item's vector is nearer to the query's than that of half of the others."""
    near = facts.moment.candidates.vector[row] > 0 and facts.in_upper_half("query.vector", row)
    return facts.query_case("meaning.near") if near else []


def searches(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item was taken after these words, or such ones.

    Where nothing was typed its share of what was taken is that of all demand.
    """
    if not facts.query:
        return demand(facts, row, feature)
    if facts.moment.query_counts[row, _LONGEST] > FEW:
        return facts.query_case("searches.same")
    like = facts.moment.similar_counts[row, :, _LONGEST].max(initial=0.0) > FEW
    return facts.query_case("searches.like") if like else []


def searched_category(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that others took items of the item's category after these words."""
    leaf = facts.leaf(row)
    if leaf < 0 or not facts.value("query.category_share", row) > 0:
        return []
    return facts.query_case("searched_category.known", category=facts.label(leaf))


def results(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that the item is more like the other results than half of them are."""
    return (
        facts.query_case("results.near") if facts.in_upper_half("neighbourhood.vector", row) else []
    )
