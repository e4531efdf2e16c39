"""API keys: made, listed, revoked and recognised; what is kept of one cannot be used as one.

A key is `sr_ID_SECRET`. `keys.json` in `home` holds for each its id, name, scopes and the salted
hash of its secret. The secret is 256 random bits, so one round of BLAKE2 (Aumasson and others,
2013) keeps it: slow hashes such as scrypt are for passwords, which can be guessed, and would
cost each request more than its answer.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_rerank.errors import ConfigError
from search_rerank.replacing import FileState, changing, replace_file, state_of

Scope = Literal["search", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_KEY = re.compile(r"sr_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_HEX = r"[0-9a-f]+"


class Key(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=_HEX)]
    name: Annotated[str, Field(pattern=f"^{_NAME}$")]
    scopes: tuple[Scope, ...]
    per_minute: Annotated[int, Field(ge=1)] | None = None
    """Its own limit of requests a minute; None takes that of the settings."""
    created_ms: int
    salt: Annotated[str, Field(pattern=_HEX)]
    hash: Annotated[str, Field(pattern=_HEX)]

    def fits(self, secret: str) -> bool:
        """Return whether it was made with a secret, in a time that tells nothing of it."""
        return hmac.compare_digest(_hash(secret, self.salt), self.hash)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Made:
    """A new key: what is kept of it, and the one time that it is told."""

    key: Key
    token: str


class Keyring:
    """The keys of a home folder, read anew when their file has changed.

    Parameters
    ----------
    path
        The file; none is an empty ring.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: FileState | None = None
        self._keys: Mapping[str, Key] = {}

    def keys(self) -> Mapping[str, Key]:
        """Return the keys by their id.

        Raises
        ------
        ConfigError
            Where the file is not one of keys.
        """
        state = state_of(self._path)
        if state is None:
            self._read, self._keys = None, {}
            return self._keys
        if state != self._read:
            self._keys = {key.id: key for key in read_keys(self._path)}
            self._read = state
        return self._keys

    def recognise(self, token: str) -> Key | None:
        """Return the key that a request shows, None where it is none of the ring."""
        parts = _KEY.fullmatch(token)
        key = self.keys().get(parts[1]) if parts else None
        return key if parts and key and key.fits(parts[2]) else None


def keys_path(home: Path) -> Path:
    """Return where the keys of a home folder are kept."""
    return home / "keys.json"


def read_keys(path: Path) -> Sequence[Key]:
    """Return the keys of a file, none where it is missing; `ConfigError` where it is unreadable."""
    try:
        return _File.model_validate(orjson.loads(path.read_bytes())).keys
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"{path}: keys cannot be read ({error.strerror})") from None
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise ConfigError(
            f"{path}: expected keys as 'search-rerank key create' writes them, found others "
            f"({type(error).__name__}); restore the file, or remove it and make new keys"
        ) from None


def create_key(
    path: Path, name: str, scopes: Sequence[Scope], created_ms: int, per_minute: int | None = None
) -> Made:
    """Make a key and keep what is needed to recognise it.

    Raises
    ------
    ConfigError
        Where the name is taken or not one, or there is no scope.
    """
    if not re.fullmatch(_NAME, name):
        raise ConfigError(
            f"name: expected 1 to 64 letters, digits, '.', '_' and '-', found {name!r:.80}"
        )
    if not scopes:
        raise ConfigError(f"expected at least one scope of {', '.join(SCOPES)}, found none")
    id_, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_hex(16)
    key = Key(
        id=id_,
        name=name,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        per_minute=per_minute,
        created_ms=created_ms,
        salt=salt,
        hash=_hash(secret, salt),
    )
    with changing(path):
        keys = read_keys(path)
        if any(other.name == name for other in keys):
            raise ConfigError(f"expected a new name, found a key {name!r}: revoke it first")
        _write(path, [*keys, key])
    return Made(key, f"sr_{id_}_{secret}")


def revoke_key(path: Path, name: str) -> Key:
    """Forget a key, by its name or id: no request is let in by it from now on."""
    with changing(path):
        keys = read_keys(path)
        gone = next((key for key in keys if name in (key.name, key.id)), None)
        if gone is None:
            known = ", ".join(key.name for key in keys) or "none"
            raise ConfigError(f"expected the name of a key, found {name!r:.80}; known: {known}")
        _write(path, [key for key in keys if key is not gone])
    return gone


def _hash(secret: str, salt: str) -> str:
    return blake2b(secret.encode(), salt=bytes.fromhex(salt), digest_size=32).hexdigest()


def _write(path: Path, keys: Sequence[Key]) -> None:
    data = orjson.dumps(
        {"keys": [key.model_dump(mode="json") for key in keys]}, option=orjson.OPT_INDENT_2
    )
    replace_file(path, data)
