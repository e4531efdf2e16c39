"""Settings of the HTTP service."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from search_rerank.config.section import Section


class ServiceConfig(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(2, ge=1, le=64)
    clock_offset_ms: int = 0
    """Added to the clock: below 0 serves an old log as if it had just ended."""
    max_body_bytes: int = Field(1_000_000, ge=1000)
    deadline_ms: float = Field(1000, ge=1, le=60_000)
    """Milliseconds that an answer may take, unless the request says so itself: what is late is left
    out of it."""
    ranking_ms: float | None = Field(None, gt=0)
    """Milliseconds that the cascade may take, each of its stages having a share of them; other
    fusions know no stages. Left out: no limit."""
    compile_trees: bool = True
    """Whether each worker makes machine code of the trees that it ranks by, beside its requests;
    the scores are the same without it."""
    last_good_mb: float = Field(64, ge=0, le=4096)
    """Megabytes of a worker for what Elasticsearch last said, which is given while it is away; 0
    keeps nothing."""
    last_good_s: float = Field(86_400, ge=1)
    """Seconds after which that is too old to be given."""
    shed_half: int = Field(12, ge=1)
    """With so many requests in a worker, waiting ones included, half of the candidates are
    reranked."""
    shed_most: int = Field(24, ge=1)
    """From here on a quarter of them."""
    shed_all: int = Field(48, ge=1)
    """From here on none: the engine's order is kept."""
    refuse: int = Field(128, ge=1, le=10_000)
    """From here on requests are refused with 503."""
    drain_s: float = Field(0.0, ge=0, le=60)
    """Seconds that a service that is stopped answers on, while `/readyz` says so already."""
    feature_log_share: float = Field(0.0, ge=0, le=1)
    """Share of the ranked requests whose features are written down, for `search-rerank check`."""
    feature_log_segment_mb: int = Field(16, ge=1, le=1024)
    feature_log_segments: int = Field(16, ge=2, le=10_000)
    """Files of the feature log that are kept, of all workers together; the oldest go."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        bounds = ("shed_half", "shed_most", "shed_all", "refuse")
        values = [getattr(self, name) for name in bounds]
        if values != sorted(values):
            told = ", ".join(f"{name} {value}" for name, value in zip(bounds, values, strict=True))
            raise ValueError(f"expected bounds each at least the one before, found {told}")
        return self
