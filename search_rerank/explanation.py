"""Why a hit stands where it does: what is asked of an answer, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Explain:
    """What an answer is to tell of its hits.

    Parameters
    ----------
    first, size
        The places to tell it of; None for all from the first on. What is computed for a hit is too
        dear for those that nobody sees.
    contributions
        Whether each carries its features and an `Explanation`.
    reasons
        Whether each carries a `Reason`.
    language
        Of the reasons; None for that of the settings.
    """

    first: int = 0
    size: int | None = None
    contributions: bool = True
    reasons: bool = False
    language: str | None = None

    def of(self, order: Sequence[int]) -> list[int]:
        """Return those rows of an order that are asked about."""
        end = None if self.size is None else self.first + self.size
        return list(order[self.first : end])


@dataclass(frozen=True)
class Opinion:
    """What one scorer thinks of a hit.

    Parameters
    ----------
    score
        Its score; None for no opinion.
    place
        Its place by it among the candidates, 0 first, equal scores sharing the better one.
    """

    score: float | None
    place: int | None


@dataclass(frozen=True)
class Explanation:
    """What made one hit's place.

    Parameters
    ----------
    opinions
        Scorer to what it thinks.
    stage
        The fusion that decided: of a cascade the last stage that came to this hit, `weighted` or
        `lambdamart`. None where nothing ranked.
    level
        Which stage of the cascade that is, 0 first; 0 where there are no stages.
    score
        What that fusion gave the hit; the hit's own score is this one put above those of earlier
        stages.
    base
        The fusion's score where nothing is known; with the contributions it sums to `score`.
    contributions
        Feature to how far it raised or lowered the score, the farthest first; those of 0 are left
        out.
    by_model, explored
        The place, 0 first, that the model gave, and that new items being given places left it;
        None where a rule of the shop put it in.
    """

    opinions: Mapping[str, Opinion]
    stage: str | None
    level: int
    score: float | None
    base: float | None
    contributions: Mapping[str, float]
    by_model: int | None
    explored: int | None


@dataclass(frozen=True)
class Reason:
    """One sentence for the shopper.

    Parameters
    ----------
    text
        The sentence.
    family, feature
        The features that raised the hit most, taken together, and the first of them; None where
        nothing ranked.
    personal
        Whether it speaks of what the shopper did.
    """

    text: str
    family: str | None
    feature: str | None
    personal: bool
