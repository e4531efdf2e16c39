"""Settings of how a log becomes labels: what led where, what was worth what, what was looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from search_rerank.config.section import Section, Weight


class LabelsConfig(Section):
    """How interactions become the gains that the reranker learns from."""

    attribution_days: float = Field(7.0, ge=0)
    """An interaction that names no ranking is credited to the shopper's newest ranking of so many
    days that led to the item; 0 credits only what is named."""
    touch: Literal["click", "impression"] = "click"
    """What leads to an item: the newest ranking in which it was clicked, and the newest that showed
    it where none was; or the newest that showed it, whatever was clicked."""
    dwell_cap_s: float = Field(1800.0, gt=0)
    """Seconds after which the shopper's next event tells nothing of a click's dwell time."""
    short_dwell_s: float = Field(0.0, ge=0)
    """A click with a shorter dwell time counts `short_dwell_gain` times its gain; 0 for none."""
    short_dwell_gain: float = Field(0.5, ge=0)
    long_dwell_s: float = Field(0.0, ge=0)
    """A click with at least this dwell time counts `long_dwell_gain` times its gain; 0 for none."""
    long_dwell_gain: float = Field(2.0, ge=0)
    bias: Literal["none", "ips", "position"] = "ips"
    """How position bias is met: not at all, by inverse propensities, or by LightGBM's positions."""
    propensity: Literal["auto", "harvesting", "em", "regression"] = "auto"
    """How the chance that a place is looked at is estimated; `auto` takes what the log bears."""
    places: int = Field(50, ge=2, le=1000)
    """Places that are told apart; those below count as the last of them."""
    period_days: float = Field(10.0, gt=0)
    """Clicks on an item after a query are compared across places within so many days, since
    demand that changes moves both the place and the clicks."""
    evidence: int = Field(200, ge=1)
    """Clicks that a place needs before an estimate of it is believed."""
    clip: float = Field(10.0, ge=1)
    """No inverse propensity is larger."""
    objectives: dict[str, Weight] = {"relevance": 1.0}
    """What an item that was taken is worth to the shop: weight of `relevance`, of `in_stock`, and
    of `price`, `rating` or any attribute that is a number, such as a margin."""

    @field_validator("objectives")
    @classmethod
    def _some_weight(cls, value: dict[str, Weight]) -> dict[str, Weight]:
        if not sum(value.values()) > 0:
            raise ValueError("expected an objective with a weight above 0, such as relevance = 1.0")
        return value
