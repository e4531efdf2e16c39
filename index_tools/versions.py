"""Versions of an index: which is live, which to go back to, which to delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from index_tools.checkpoints import Checkpoints
from index_tools.records import Records
from search_rerank.config import Config
from search_rerank.engines.base import Engine, Version
from search_rerank.errors import EngineError

_ELSEWHERE = timedelta(days=1)
"""A load from another home folder may still run: whether it does cannot be seen from here."""


@dataclass(frozen=True)
class Status:
    """One version and what is known of its load.

    Parameters
    ----------
    version
        As the engine describes it.
    verified
        Whether it was when it was loaded.
    stopped
        Items written for good by a load from this home folder that no longer runs and was not
        finished; None where it is finished, runs, or began elsewhere.
    file
        What that load read and may go on with; None where it cannot go on.
    """

    version: Version
    verified: bool
    stopped: int | None = None
    file: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return what `index status --json` prints of it."""
        version = self.version
        return {
            "version": version.name,
            "live": version.live,
            "previous": version.previous,
            "loading": version.loading,
            "verified": self.verified,
            "stopped": self.stopped,
            "count": version.count,
            "created": version.created.isoformat(),
            "encoder": version.schema.encoder,
            "dim": version.schema.dim,
            "attributes": list(version.schema.attributes),
        }


def status(config: Config, engine: Engine) -> list[Status]:
    """Return all versions, newest first."""
    records, checkpoints = Records(config.home), Checkpoints(config.home)
    begun = {(state.version, state.created): state for state in checkpoints.all()}
    states = []
    for version in engine.versions():
        state = begun.get((version.name, version.created.isoformat()))
        stopped, file = None, None
        if (version.loading or state) and checkpoints.running(version.name) is False:
            stopped, file = (state.done, str(state.file["path"])) if state else (0, None)
        states.append(Status(version, records.holds(version), stopped, file))
    return states


def promote(config: Config, engine: Engine, name: str | None = None, *, force: bool = False) -> str:
    """Make a version the live one and return its name; None takes the newest that was verified.

    `force` takes the version named although it was not verified, unless it is being loaded.

    Raises
    ------
    EngineError
        Where there is no such version, or it was not verified by a load from this home folder.
    """
    states = status(config, engine)
    if name is None:
        chosen = next((state for state in states if state.verified), None)
        if chosen is None:
            raise EngineError(
                f"no version to promote: {_names(states)}; load a catalogue with "
                f"`search-rerank index load FILE`"
            )
    else:
        chosen = next((state for state in states if state.version.name == name), None)
        if chosen is None:
            raise EngineError(f"no version {name!r} to promote: {_names(states)}")
        if chosen.version.loading or Checkpoints(config.home).running(name):
            raise EngineError(f"{name} is not loaded to its end: run its `index load` to the end")
        if not (force or chosen.verified or chosen.version.live):
            raise EngineError(
                f"{name} was not verified: its load was interrupted or found something wrong, or "
                f"it was loaded from another home folder; load the catalogue again, or pass --force"
            )
    engine.promote(chosen.version.name)
    return chosen.version.name


def rollback(engine: Engine) -> str:
    """Make the version that was live before the present one live again; return its name."""
    return engine.rollback()


def prune(
    config: Config,
    engine: Engine,
    keep: int = 1,
    *,
    stale_loads: bool = False,
    now: datetime | None = None,
) -> list[str]:
    """Delete old versions and return their names.

    The live one stays, and the one that `rollback` goes back to, and those that are being loaded;
    of the others the newest, those first that were verified.

    Parameters
    ----------
    config, engine
        Where the home folder is, and the index.
    keep
        How many of the others stay.
    stale_loads
        Delete also what loads from this home folder have left that no longer run, and what others
        began more than a day ago. They could have gone on from their checkpoints.
    now
        The present.
    """
    if keep < 0:
        raise EngineError(f"keep: expected 0 or more, found {keep}")
    records, checkpoints = Records(config.home), Checkpoints(config.home)
    unfinished = {state.version: state.created for state in checkpoints.all()}
    now = datetime.now(UTC) if now is None else now
    others, gone = [], []
    for version in engine.versions():
        if version.live or version.previous:
            continue
        running = checkpoints.running(version.name)
        begun = unfinished.get(version.name) == version.created.isoformat()
        if running or begun or version.loading:
            old = running is False or now - version.created > _ELSEWHERE
            if stale_loads and not running and old:
                gone.append(version.name)
        else:
            others.append(version)
    others.sort(key=records.holds, reverse=True)  # keeps the order among equals: newest first
    gone += [version.name for version in others[keep:]]
    for name in gone:
        engine.drop(name)
        records.remove(name)
        checkpoints.remove(name)
    return gone


def _names(states: list[Status]) -> str:
    shown = [state.version.name + ("" if state.verified else " (not verified)") for state in states]
    return f"the index has {', '.join(shown) or 'no version'}"
