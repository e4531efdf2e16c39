"""Settings of what is learnt from a log."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from search_rerank.config.section import Section, Weight
from search_rerank.data.event import GAINS


class StageConfig(Section):
    """One stage of the cascade."""

    fusion: Literal["vote", "weighted", "lambdamart"]
    size: int | None = Field(None, ge=2, le=10_000)
    """How many candidates reach it; left out for all, which the first stage always has."""
    share: float = Field(0.0, ge=0, le=1)
    """Its share of `service.ranking_ms`."""
    late: tuple[Literal["cross_encoder"], ...] = ()
    """Columns computed for just the candidates that reach it; not of the first stage."""


class TrainingConfig(Section):
    """How the log is cut and the reranker learns."""

    train_quantile: float = Field(0.8, gt=0, lt=1)
    """Quantile of interaction times before which scorers are fitted for training (t1)."""
    test_quantile: float = Field(0.9, gt=0, lt=1)
    """Quantile of interaction times from which everything is held out (t2)."""
    live: bool | None = None
    """Whether state grows during replay, as in service; false freezes it at t1 and t2. Left out:
    grows for a shop's own log, frozen for a public set whose protocol freezes it."""
    candidates: Literal["engine", "shown"] = "engine"
    """What is ranked when the log is replayed: what the engine finds for the query, or what the
    list showed, as a shop wants it that brings its own candidates to `POST /rerank`; queries whose
    list the log lacks are asked of the engine all the same."""
    gains: dict[str, Weight] = dict(GAINS)
    """Gain of each interaction type; others count nothing."""
    max_rankings: int = Field(8000, ge=1)
    """Queries replayed for training at most, spread evenly over the window."""
    max_test_rankings: int = Field(20000, ge=1)
    """Queries replayed for evaluation at most, spread evenly over the held-out time."""
    history: int = Field(50, ge=1, le=10_000)
    """Newest interactions of a shopper that scorers and features see."""
    ranker: Literal["auto", "vote", "weighted", "lambdamart", "cascade"] = "auto"
    """The fusion that serves; `auto` takes the best on the newest training queries."""
    selection: float = Field(0.25, gt=0, lt=1)
    """Share of the training queries, the newest, on which what is `auto` is chosen."""
    vote: Literal["auto", "reciprocal", "borda"] = "auto"
    """What a column's vote is worth."""
    vote_k: float = Field(60.0, gt=0)
    """How little the first places count for in a reciprocal vote."""
    scaling: Literal["auto", "min_max", "z_score", "rank"] = "auto"
    """How the columns of the weighted sum are made comparable."""
    stages: tuple[StageConfig, ...] = (
        StageConfig(fusion="weighted", share=0.25),
        StageConfig(fusion="lambdamart", size=100, share=0.75),
    )
    """The cascade, first stage first."""
    cross_encoder: str = ""
    """Name or folder of the model of the late column `cross_encoder`."""
    objective: Literal["lambdarank", "rank_xendcg"] = "lambdarank"
    truncation: int = Field(30, ge=1)
    """Pairs count of which one candidate is among so many first places; `lambdarank` only."""
    trees: int = Field(200, ge=1, le=5000)
    """At most so many trees; fewer where the validation nDCG@10 stops rising."""
    leaves: int = Field(15, ge=2, le=1024)
    learning_rate: float = Field(0.06, gt=0, le=1)
    min_rows: int = Field(50, ge=1)
    """Rows that a leaf must hold."""
    column_share: float = Field(0.7, gt=0, le=1)
    """Share of the columns that a tree may use."""
    row_share: float = Field(0.8, gt=0, le=1)
    """Share of the rows that a tree is grown on."""
    reg: float = Field(5.0, ge=0)
    """L2 penalty on the values of leaves."""
    position_reg: float = Field(0.0, ge=0)
    """Penalty on the biases of places, where LightGBM learns those."""
    validation: float = Field(0.15, gt=0, lt=1)
    """Share of the newest queries that decides when to stop adding trees."""
    patience: int = Field(30, ge=1)
    """Trees without a better validation nDCG@10 before stopping."""
    rising: tuple[str, ...] = ()
    """Patterns of columns with which the trees' score may only rise, such as `score.*`."""
    falling: tuple[str, ...] = ()
    """Patterns of columns with which the trees' score may only fall."""
    categorical: tuple[str, ...] = ()
    """Patterns of columns that hold numbers of categories, from 0."""
    threads: int = Field(2, ge=1, le=256)
    """Threads that grow the trees; another number may give another bundle."""
    seed: int = Field(0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if not self.stages:
            raise ValueError("stages: expected at least one, found none")
        if self.stages[0].size is not None or self.stages[0].late:
            raise ValueError("stages.0: expected neither size nor late, for it orders all")
        total = sum(stage.share for stage in self.stages)
        if total > 1 + 1e-9:
            raise ValueError(f"stages: expected shares of the time up to 1, found {total:g}")
        if any(stage.late for stage in self.stages) and not self.cross_encoder:
            raise ValueError("stages: late columns need the model's name in cross_encoder")
        return self


class ScorerConfig(Section):
    """One scorer and its options; what is left out has the scorer's default."""

    name: str
    options: dict[str, bool | int | float | str | dict[str, float]] = {}
