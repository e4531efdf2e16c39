"""Settings of the gate that a new bundle passes before it goes live."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from search_rerank.config.section import Section


class GateConfig(Section):
    """What `search-rerank train --gate` asks of a new bundle."""

    margin: float = Field(0.01, ge=0, le=1)
    """Mean nDCG@10 that the new bundle may lose against the live one."""
    alpha: float = Field(0.05, gt=0, lt=1)
    """Level of the paired test, two-sided."""
    proof: Literal["of_harm", "of_no_harm"] = "of_harm"
    """What the test must show: `of_harm` refuses what is shown to lose more than the margin,
    `of_no_harm` refuses what is not shown to lose less."""
    min_queries: int = Field(50, ge=2)
    """With fewer held-out queries nothing can be told, and nothing is promoted over a live one."""
    latency_ms: float = Field(50.0, gt=0)
    """Median of the time that features and fusion of one request may take."""
    latency_requests: int = Field(100, ge=1, le=10_000)
    """Requests that are timed."""
    size_mb: float = Field(1000.0, gt=0)
    """Size that the bundle may have on disk, in megabytes."""
