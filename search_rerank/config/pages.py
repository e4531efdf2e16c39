"""Settings of the pages after the first one."""

from __future__ import annotations

from pydantic import Field

from search_rerank.config.section import Section


class PagesConfig(Section):
    """How far, how long and with how large a cursor a list goes on."""

    depth: int = Field(1000, ge=1, le=4000)
    """Items of one list that its pages show at most, all together."""
    expires_s: float = Field(3600.0, gt=0, le=30 * 86_400)
    """Seconds that a cursor is good for; each page has a new one."""
    cursor_bytes: int = Field(16_000, ge=1_000, le=60_000)
    """Length of a cursor; of a window that does not fit, the first places are frozen."""
