"""What is true of an item, whoever asks."""

from __future__ import annotations

from search_rerank.explaining.cases import Case
from search_rerank.explaining.facts import FEW, Facts
from search_rerank.state.base import HALF_LIVES_DAYS

_HIGH_RATING = 4.0
_LATELY_DAYS = 7.0
_WEEK, _MONTH = HALF_LIVES_DAYS.index(7.0), HALF_LIVES_DAYS.index(30.0)


def demand(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that others want it, and no less than half of the candidates."""
    wanted = facts.moment.counts.decayed[row, _MONTH] > FEW
    upper = facts.in_upper_half("item.demand_30d", row)
    return [Case("demand.popular")] if wanted and upper else []


def shown(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that of those who were shown it no fewer took it than half of the candidates."""
    upper = facts.in_upper_half("shown.rate_30d", row)
    taken = facts.moment.counts.decayed[row, _MONTH] > FEW
    return [Case("shown.chosen")] if upper and taken else []


def trend(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that it is wanted more this week than the month says."""
    week, month = facts.moment.counts.decayed[row, [_WEEK, _MONTH]].tolist()
    return [Case("trend.rising")] if week / 7 > month / 30 and week > FEW else []


def category_demand(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that its category is wanted no less than those of half of the candidates."""
    leaf = facts.leaf(row)
    wanted = facts.value("item.category_share", row) > 0
    if leaf < 0 or not wanted or not facts.in_upper_half("item.category_share", row):
        return []
    return [Case("category_demand.known", {"category": facts.label(leaf)})]


def price(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that it costs less than half of the candidates."""
    return [Case("price.low")] if facts.value("item.price_place", row) < 0.5 else []


def rating(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that it is rated highly."""
    rating = facts.value("item.rating", row)
    high = rating >= _HIGH_RATING
    return [Case("rating.high", {"rating": f"{rating:.1f}"})] if high else []


def lately(facts: Facts, row: int, feature: str) -> list[Case]:
    """Say that somebody took it in the last days."""
    lately = facts.value("item.idle_days", row) <= _LATELY_DAYS
    return [Case("lately.chosen")] if lately else []
