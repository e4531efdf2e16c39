"""Settings of what is learnt from a log."""

from __future__ import annotations

from pydantic import Field

from search_rerank.config.section import Section, Weight
from search_rerank.data.event import GAINS


class TrainingConfig(Section):
    """How the log is cut and the reranker learns."""

    train_quantile: float = Field(0.8, gt=0, lt=1)
    """Quantile of interaction times before which scorers are fitted for training (t1)."""
    test_quantile: float = Field(0.9, gt=0, lt=1)
    """Quantile of interaction times from which everything is held out (t2)."""
    live: bool | None = None
    """Whether state grows during replay, as in service; false freezes it at t1 and t2. Left out:
    grows for a shop's own log, frozen for a public set whose protocol freezes it."""
    gains: dict[str, Weight] = dict(GAINS)
    """Gain of each interaction type; others count nothing."""
    max_rankings: int = Field(8000, ge=1)
    """Queries replayed for training at most, spread evenly over the window."""
    max_test_rankings: int = Field(20000, ge=1)
    """Queries replayed for evaluation at most, spread evenly over the held-out time."""
    history: int = Field(50, ge=1, le=10_000)
    """Newest interactions of a shopper that scorers and features see."""
    trees: int = Field(200, ge=1, le=5000)
    """At most so many trees; fewer where the validation nDCG@10 stops rising."""
    leaves: int = Field(31, ge=2, le=1024)
    learning_rate: float = Field(0.06, gt=0, le=1)
    first_stage: int = Field(100, ge=1, le=10_000)
    """Candidates that the cascade's first stage hands to the last one."""
    seed: int = 0


class ScorerConfig(Section):
    """One scorer and its options; what is left out has the scorer's default."""

    name: str
    options: dict[str, bool | int | float | str | dict[str, float]] = {}
