"""What a request asks to be told of its hits, and how that is written as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from search_rerank.answer import Hit
from search_rerank.explanation import Explain, Explanation
from search_rerank.filters import Model

MAX_EXPLAINED = 100
"""Hits of an answer that are explained at most, the first."""
MAX_CONTRIBUTIONS = 40
"""Contributions of a hit that are written at most; the rest is summed."""
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$")]


class Explained(Model):
    """What is to be told of hits.

    Parameters
    ----------
    explain
        Whether each hit carries its features, and what was made of them.
    reasons
        Whether each carries a sentence for the shopper.
    language
        Of the sentences; that of the settings where left out.
    """

    explain: bool = False
    reasons: bool = False
    language: Language | None = None

    def to_explain(self, first: int, size: int) -> Explain | None:
        """Return the library's form for the hits of one page; None where nothing is asked."""
        if not self.explain and not self.reasons:
            return None
        return Explain(first, min(size, MAX_EXPLAINED), self.explain, self.reasons, self.language)


def with_explained(row: dict[str, Any], hit: Hit, rank: int) -> dict[str, Any]:
    """Return a row with what is told of a hit at a place: the same where nothing was asked."""
    if hit.features is not None:
        row["features"] = dict(hit.features)
    if hit.explanation is not None:
        row["explanation"] = _explanation_json(hit.explanation, hit.engine_rank, rank)
    if hit.reason is not None:
        row["reason"] = vars(hit.reason)
    return row


def _explanation_json(told: Explanation, engine_rank: int, rank: int) -> dict[str, Any]:
    named = list(told.contributions.items())
    return {
        "opinions": {name: vars(opinion) for name, opinion in told.opinions.items()},
        "stage": told.stage,
        "level": told.level,
        "score": told.score,
        "base": told.base,
        "contributions": [
            {"feature": name, "contribution": value} for name, value in named[:MAX_CONTRIBUTIONS]
        ],
        "other_contributions": sum(value for _, value in named[MAX_CONTRIBUTIONS:]),
        "places": {
            "engine": engine_rank,
            "model": told.by_model,
            "exploration": told.explored,
            "rules": rank,
        },
    }
