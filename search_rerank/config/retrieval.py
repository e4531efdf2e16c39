"""Settings of the way from a query to candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from search_rerank.config.index import FIELD_WEIGHTS
from search_rerank.config.section import Section, Weight
from search_rerank.errors import nearest


class RetrievalConfig(Section):
    """How candidates are chosen."""

    k: int = Field(200, ge=1, le=1000)
    """Candidates retrieved and reranked."""
    words_weight: float = Field(1.0, ge=0)
    vector_weight: float = Field(0.1, ge=0)
    """Weight of the cosine beside the word score scaled to its maximum."""
    popularity_weight: float = Field(0.1, ge=0)
    """The word score is multiplied by 1 + this * ln(1 + popularity over 30 days)."""
    fields: dict[str, Weight] = FIELD_WEIGHTS
    """Weight of each text field, and of `all` of them joined, in the word score."""
    fusion: Literal["scores", "ranks"] = "scores"
    """Whether the scaled scores are added, or the reciprocals of 60 + rank."""
    num_candidates: int = Field(400, ge=1, le=10_000)
    """Vectors looked at to find the nearest by graph; never fewer than twice the candidates."""
    every_word: bool = False
    """Whether an item must have every word; where none has, those with some are the answer."""
    typos: Literal["correct", "suggest", "off"] = "correct"
    """What to do about unknown words: search the nearest known ones, name them, or nothing."""
    synonyms: Path | None = None
    """File of synonyms, read again when it changes."""
    total_up_to: int = Field(10_000, ge=1)
    """Matches are counted exactly up to here."""

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, value: dict[str, Weight]) -> dict[str, Weight]:
        for name in value:
            if name not in FIELD_WEIGHTS:
                raise ValueError(f"unknown field {name!r}{nearest(name, FIELD_WEIGHTS)}")
        return value


class ExplorationConfig(Section):
    """The chance that new items get among what the model ranks."""

    slots: int = Field(1, ge=0, le=10)
    """Places of each ten that new items may be given; 0 switches it off."""
    first_place: int = Field(4, ge=1, le=1000)
    """No place above this one is given."""
    reach: int = Field(50, ge=1, le=1000)
    """Only new items that the model puts among the first so many are given a place."""
    interactions: float = Field(5.0, gt=0)
    """An item is new while the gains of its interactions, with a half-life of 180 days, are
    fewer."""
    added: str | None = Field(None, min_length=1)
    """Attribute that says since when the shop has an item, in unix milliseconds; left out, only
    what the bundle does not know is new."""
    new_days: float = Field(14.0, gt=0)
    """For so many days after `added` an item is new although the bundle knows it."""
