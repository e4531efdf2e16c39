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
