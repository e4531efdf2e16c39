"""The state and its log that the settings ask for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_rerank.config import Config
from search_rerank.errors import ConfigError, MissingExtra
from search_rerank.state.base import State
from search_rerank.state.log import Log
from search_rerank.state.sqlite import SqliteState, StoredLog
from search_rerank.state.sqlite.segments import LOG


def state_path(config: Config) -> Path:
    """Return where a state of kind `sqlite` keeps what shoppers did."""
    return config.home / "state.sqlite3"


def open_state(config: Config) -> State:
    """Return the state of the settings, with the gains that training has.

    Raises
    ------
    StateError
        Where it cannot be opened.
    MissingExtra
        Where it is on a Redis server and the client is not installed.
    """
    if config.state.kind == "redis":
        with _extra():
            from search_rerank.state.redis.opening import open_redis_state
        return open_redis_state(config)
    settings = config.state
    return SqliteState(
        state_path(config),
        config.training.gains,
        settings.durability,
        retention_days=settings.retention_days,
        segment_events=settings.log_segment_events,
        log_days=settings.log_days,
    )


def open_event_log(config: Config) -> Log:
    """Return the log that the state of the settings holds, as it is now.

    Raises
    ------
    StateError
        Where it cannot be read.
    MissingExtra
        As `open_state`.
    """
    if config.state.kind == "redis":
        with _extra():
            from search_rerank.state.redis.opening import open_redis_log
        return open_redis_log(config)
    return StoredLog(state_path(config))


def remove_state(config: Config) -> None:
    """Remove a state that nobody has open, with its log; one that is not there is no error.

    Raises
    ------
    ConfigError
        Where other machines may have it open.
    """
    if config.state.kind != "sqlite":
        raise ConfigError(
            f"state.kind: expected sqlite where the state begins anew, found {config.state.kind!r}"
        )
    path = state_path(config)
    for found in path.parent.glob(f"{path.name}*"):
        found.unlink()
    shutil.rmtree(path.parent / LOG, ignore_errors=True)


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise MissingExtra("the state on a Redis server", "redis") from None
