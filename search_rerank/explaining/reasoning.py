"""The sentence that is true of a hit's largest contribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_rerank.explaining import of_item, of_query, of_shopper
from search_rerank.explaining.cases import Case
from search_rerank.explaining.facts import Check, Facts
from search_rerank.explaining.families import FAMILIES
from search_rerank.explaining.leading import Lead, Parts, lead_of
from search_rerank.explaining.sentences import Sentences
from search_rerank.explanation import Reason
from search_rerank.query import Candidates

CHECKS: Mapping[str, Check] = {
    "brand": of_shopper.brand,
    "category": of_shopper.category,
    "usual_price": of_shopper.usual_price,
    "again": of_shopper.again,
    "attributes": of_shopper.attributes,
    "together": of_shopper.past_item("together.item"),
    "alike": of_shopper.past_item("alike.item"),
    "goes_with": of_shopper.past_item("goes_with.item"),
    "match": of_query.match,
    "meaning": of_query.meaning,
    "searches": of_query.searches,
    "searched_category": of_query.searched_category,
    "results": of_query.results,
    "demand": of_item.demand,
    "shown": of_item.shown,
    "trend": of_item.trend,
    "category_demand": of_item.category_demand,
    "price": of_item.price,
    "rating": of_item.rating,
    "lately": of_item.lately,
}
"""Family to what may hold of it; of one that is not here only fallbacks are said."""


def reason(
    facts: Facts, row: int, told: Sequence[Parts], same: frozenset[str], sentences: Sentences
) -> Reason | None:
    """Return why a ranked candidate stands where it does; None where nothing raised it.

    Parameters
    ----------
    told, same
        As `lead_of` takes them.
    """
    lead = lead_of(told, same)
    if lead is None:
        return None
    holding = CHECKS[lead.family](facts, row, lead.feature) if lead.family in CHECKS else []
    cases = [*holding, *_fallbacks(facts, lead)]
    personal = FAMILIES[lead.family] == "personal" and len(facts.taken) > 0
    return Reason(sentences.say(cases), lead.family, lead.feature, personal)


def reason_of_engine(
    candidates: Candidates, row: int, query: str, sentences: Sentences
) -> Reason | None:
    """Return why a candidate is found that nothing ranked: for its words, or nothing is said."""
    words = " ".join((candidates.searched or query).split())
    if not words or not candidates.lexical[row] > 0:
        return None
    return Reason(sentences.say([Case("match.some", {"query": words})]), None, None, False)


def _fallbacks(facts: Facts, lead: Lead) -> list[Case]:
    """Return what may be said where no case of the leading family holds, the last always true."""
    found: list[Case] = []
    group = FAMILIES[lead.family]
    if group == "personal" and len(facts.taken):
        found.append(Case("fallback.personal"))
    elif group == "personal" and len(facts.moment.history) > len(facts.past):
        found.append(Case("fallback.beside"))
    elif group == "query":
        found += facts.query_case("fallback.query")
    return [*found, Case("fallback.shop")]
