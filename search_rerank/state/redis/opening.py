"""The state and its log on the server that the settings name."""

from __future__ import annotations

from search_rerank.config import Config
from search_rerank.state.redis.log import RedisLog
from search_rerank.state.redis.state import RedisState


def open_redis_state(config: Config) -> RedisState:
    """Return the state; its counters have a snapshot under the home folder."""
    settings = config.state
    return RedisState(
        config.training.gains,
        settings.url,
        settings.prefix,
        settings.durability,
        timeout_s=settings.timeout_s,
        replicas=settings.replicas,
        retention_days=settings.retention_days,
        log_days=settings.log_days,
        snapshot=config.home / "counters.safetensors",
    )


def open_redis_log(config: Config) -> RedisLog:
    """Return the log as it is now."""
    settings = config.state
    return RedisLog(settings.url, settings.prefix, settings.timeout_s)
