"""Settings of the HTTP service."""

from __future__ import annotations

from pydantic import Field

from search_rerank.config.section import Section


class ServiceConfig(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(2, ge=1, le=64)
    clock_offset_ms: int = 0
    """Added to the clock: below 0 serves an old log as if it had just ended."""
    max_body_bytes: int = Field(1_000_000, ge=1000)
    ranking_ms: float | None = Field(None, gt=0)
    """Milliseconds that the cascade may take, each of its stages having a share of them; other
    fusions know no stages. Left out: no limit."""
    feature_log_share: float = Field(0.0, ge=0, le=1)
    """Share of the ranked requests whose features are written down, for `search-rerank check`."""
    feature_log_segment_mb: int = Field(16, ge=1, le=1024)
    feature_log_segments: int = Field(16, ge=2, le=10_000)
    """Files of the feature log that are kept, of all workers together; the oldest go."""
