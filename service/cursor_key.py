"""The secret that cursors are signed with: one for all workers of a home, or for all machines."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from search_rerank.errors import ConfigError

SECRET = "SEARCH_RERANK_CURSOR_SECRET"
"""Variable of the environment that holds the secret where several machines answer one shopper."""
_BYTES = 32


def cursor_key(home: Path) -> bytes:
    """Return the secret of the environment, else that of the home, made where there is none.

    Raises
    ------
    ConfigError
        Where it is shorter than 32 bytes.
    OSError
        Where it can neither be read nor made.
    """
    given = os.environ.get(SECRET)
    if given:
        return _checked(given.encode(), SECRET)
    path = home / "cursor.key"
    try:
        return _checked(path.read_bytes(), str(path))
    except FileNotFoundError:
        _make(path)
        return _checked(path.read_bytes(), str(path))


def _make(path: Path) -> None:
    """Make the file in one step; of several processes that do, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes it for its owner only
    handle, aside = tempfile.mkstemp(prefix=".cursor-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(aside)


def _checked(secret: bytes, where: str) -> bytes:
    if len(secret) < _BYTES:
        raise ConfigError(
            f"{where}: expected a secret of at least {_BYTES} bytes, found {len(secret)}; set a "
            "longer one, or remove it and one is made"
        )
    return secret
