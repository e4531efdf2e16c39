"""The keys in use: read anew when their file changes, the last good ones kept when it is wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from time import monotonic

from search_rerank.answer import Degraded
from search_rerank.errors import ConfigError
from search_rerank.keys import Key, read_keys
from search_rerank.replacing import FileState, state_of

log = logging.getLogger(__name__)
STAGE = "keys"
_KEY = re.compile(r"sr_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_AGAIN_S = 1.0
_NAMED = 5
"""Of the rows that are no keys so many are named in the log, the others counted."""


@dataclass(frozen=True)
class _InUse:
    """The keys by id with what their file was, replaced as a whole: requests run side by side."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    refused: int = 0
    read: FileState | None = None
    wrong: bool = False
    again_s: float = inf


class Keyring:
    """The keys of a home folder, by which requests are recognised.

    A row of the file that is no key is left out. A file that is none of keys is left: the last good
    keys hold, `degraded` says so, and it is read again every second. A file that is taken away lets
    nobody in.

    Parameters
    ----------
    path
        The file; none is an empty ring.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._now = _InUse()

    def keys(self) -> Mapping[str, Key]:
        """Return the keys by their id."""
        return self._follow().keys

    def recognise(self, token: str) -> Key | None:
        """Return the key that a request shows, None where it is none of the ring."""
        parts = _KEY.fullmatch(token)
        key = self.keys().get(parts[1]) if parts else None
        return key if parts and key and key.fits(parts[2]) else None

    @property
    def refused(self) -> int:
        """How many rows of the file are no keys."""
        return self._follow().refused

    @property
    def lost(self) -> bool:
        """Whether there are keys which nobody can tell: the file is wrong, and ever was."""
        now = self._follow()
        return now.wrong and not now.keys

    @property
    def degraded(self) -> list[Degraded]:
        """What is wrong with the keys in use."""
        now = self._follow()
        if now.wrong:
            held = "the last good ones hold" if now.keys else "nobody is let in"
            reasons = [f"the file of keys is damaged: {held}"]
        elif now.refused:
            reasons = [f"{now.refused} of {now.refused + len(now.keys)} keys are damaged"]
        else:
            reasons = [] if now.keys else ["there are none: nobody is let in"]
        return [Degraded(STAGE, reason) for reason in reasons]

    def _follow(self) -> _InUse:
        """Take up the keys if their file is another one, and return those in use."""
        now, found = self._now, None
        try:
            found = state_of(self._path)
            if found == now.read and monotonic() < now.again_s:
                return now
            kept = read_keys(self._path)
        except (ConfigError, OSError) as error:
            if now.wrong is False or now.read != found:
                log.error("the keys are not taken up: %s", error)
            self._now = replace(now, read=found, wrong=True, again_s=monotonic() + _AGAIN_S)
            return self._now
        for row in kept.refused[:_NAMED]:
            log.error("%s: nobody is let in by %s: %s", self._path, row.who, row.reason)
        if len(kept.refused) > _NAMED:
            log.error("%s: %d rows in all are no keys", self._path, len(kept.refused))
        self._now = _InUse({key.id: key for key in kept.keys}, len(kept.refused), found)
        return self._now
