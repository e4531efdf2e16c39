"""Settings of the state: where it is kept, how durably, and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from search_rerank.config.section import Section


class StateConfig(Section):
    """What happened so far, and the log of it."""

    kind: Literal["sqlite", "redis"] = "sqlite"
    """A file under the home for the processes of one machine, or a server for several machines."""
    durability: Literal["full", "normal"] = "full"
    """What an acknowledged event survives: a power cut, or a crash of the process only."""
    retention_days: float | None = Field(None, gt=0)
    """Days after which events leave the histories; counters keep them. Left out: never."""
    log_segment_events: int = Field(50_000, ge=100, le=10_000_000)
    """Events of a segment of the log."""
    log_days: float | None = Field(None, gt=0)
    """Days after which a segment goes that holds nothing newer. Left out: never."""
    url: str = "redis://127.0.0.1:6379/0"
    """Address of the Redis server. Credentials come from the environment, never from this file."""
    prefix: str = Field("search-rerank", pattern="^[A-Za-z0-9_.-]{1,100}$")
    """Of all keys there: shops with one of their own each may share a server."""
    timeout_s: float = Field(2.0, gt=0, le=60)
    replicas: int = Field(0, ge=0, le=10)
    """Replicas of the server that must have an event before it is acknowledged."""
