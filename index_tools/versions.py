"""Versions of an index: which is live, which to go back to, which to delete."""

from __future__ import annotations

from dataclasses import dataclass

from index_tools.records import Records
from search_rerank.config import Config
from search_rerank.engines.base import Engine, Version
from search_rerank.errors import EngineError


@dataclass(frozen=True)
class Status:
    """One version and whether it was verified when it was loaded."""

    version: Version
    verified: bool

    def to_json(self) -> dict[str, object]:
        """Return what `index status --json` prints of it."""
        version = self.version
        return {
            "version": version.name,
            "live": version.live,
            "verified": self.verified,
            "count": version.count,
            "created": version.created.isoformat(),
            "encoder": version.schema.encoder,
            "dim": version.schema.dim,
            "attributes": list(version.schema.attributes),
        }


def status(config: Config, engine: Engine) -> list[Status]:
    """Return all versions, newest first."""
    records = Records(config.home)
    return [Status(version, records.holds(version)) for version in engine.versions()]


def promote(config: Config, engine: Engine, name: str | None = None) -> str:
    """Make a version the live one and return its name; None takes the newest that was verified.

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
        if not (chosen.verified or chosen.version.live):
            raise EngineError(
                f"{name} was not verified: its load was interrupted, it was changed since, or it "
                f"was loaded from another home folder; load the catalogue again"
            )
    engine.promote(chosen.version.name)
    return chosen.version.name


def rollback(engine: Engine) -> str:
    """Make the version that was live before the present one live again; return its name."""
    return engine.rollback()


def prune(config: Config, engine: Engine, keep: int = 1) -> list[str]:
    """Delete all versions but the live one and the `keep` newest others; return their names.

    One that is kept is what `rollback` can go back to; a version that is being loaded by another
    process is not to be pruned meanwhile.
    """
    if keep < 0:
        raise EngineError(f"keep: expected 0 or more, found {keep}")
    records = Records(config.home)
    gone = [version.name for version in engine.versions() if not version.live][keep:]
    for name in gone:
        engine.drop(name)
        records.remove(name)
    return gone


def _names(states: list[Status]) -> str:
    shown = [state.version.name + ("" if state.verified else " (not verified)") for state in states]
    return f"the index has {', '.join(shown) or 'no version'}"
