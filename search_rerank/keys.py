"""API keys: made, listed and revoked; what is kept of one cannot be used as one.

A key is `sr_ID_SECRET`. `keys.json` in `home` holds for each its id, name, scopes and the salted
hash of its secret. The secret is 256 random bits, so one round of BLAKE2 (Aumasson and others,
2013) keeps it: slow hashes such as scrypt are for passwords, which can be guessed, and would
cost each request more than its answer.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_rerank.errors import ConfigError
from search_rerank.replacing import changing, replace_file

Scope = Literal["search", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_ID = r"^[0-9a-f]{12}$"
_SALT = r"^([0-9a-f]{2}){1,16}$"
_HASH = r"^[0-9a-f]{64}$"


class Key(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=_ID)]
    name: Annotated[str, Field(pattern=f"^{_NAME}$")]
    scopes: tuple[Scope, ...]
    per_minute: Annotated[int, Field(ge=1)] | None = None
    """Its own limit of requests a minute; None takes that of the settings."""
    created_ms: int
    salt: Annotated[str, Field(pattern=_SALT)]
    hash: Annotated[str, Field(pattern=_HASH)]

    def fits(self, secret: str) -> bool:
        """Return whether it was made with a secret, in a time that tells nothing of it."""
        return hmac.compare_digest(_hash(secret, self.salt), self.hash)


@dataclass(frozen=True)
class Refused:
    """A row of the file that is no key: whose it seems to be, and what is wrong with it."""

    who: str
    reason: str


@dataclass(frozen=True)
class Kept:
    """What a file of keys holds: the keys, and the rows that are none; those stay in the file."""

    keys: Sequence[Key] = ()
    refused: Sequence[Refused] = ()


@dataclass(frozen=True)
class Made:
    """A new key: what is kept of it, and the one time that it is told."""

    key: Key
    token: str


def keys_path(home: Path) -> Path:
    """Return where the keys of a home folder are kept."""
    return home / "keys.json"


def read_keys(path: Path) -> Kept:
    """Return the keys of a file, none where it is missing; a row that is no key costs only itself.

    Raises
    ------
    ConfigError
        Where the file cannot be read, or is none of keys.
    """
    keys: dict[str, Key] = {}
    refused: list[Refused] = []
    for place, row in enumerate(_rows(path)):
        try:
            key = Key.model_validate(row)
        except ValidationError as error:
            refused.append(Refused(_who(place, row), _told(error)))
            continue
        if key.id in keys:
            refused.append(Refused(_who(place, row), "id: expected another one for each key"))
        else:
            keys[key.id] = key
    return Kept(tuple(keys.values()), tuple(refused))


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
        rows = _rows(path)
        if any(_is_called(row, name) for row in rows):
            raise ConfigError(f"expected a new name, found a key {name!r}: revoke it first")
        _write(path, [*rows, key.model_dump(mode="json")])
    return Made(key, f"sr_{id_}_{secret}")


def revoke_key(path: Path, name: str) -> None:
    """Forget the key of a name or an id, and rows called so that are no keys.

    No request is let in by it from now on.

    Raises
    ------
    ConfigError
        Where there is none.
    """
    with changing(path):
        rows = _rows(path)
        others = [row for row in rows if not _is_called(row, name)]
        if len(others) == len(rows):
            known = ", ".join(key.name for key in read_keys(path).keys) or "none"
            raise ConfigError(f"expected the name of a key, found {name!r:.80}; known: {known}")
        _write(path, others)


def _rows(path: Path) -> list[object]:
    """Return what the file lists, whatever it is; nothing where there is no file."""
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{path}: keys cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError as error:
        raise _damaged(path, f"no JSON at line {error.lineno}") from None
    if not isinstance(found, dict) or found.keys() - {"keys"}:
        raise _damaged(path, "another document")
    rows = found.get("keys", [])
    if not isinstance(rows, list):
        raise _damaged(path, f"{type(rows).__name__} in place of the list")
    return rows


def _damaged(path: Path, found: str) -> ConfigError:
    return ConfigError(
        f"{path}: expected keys as 'search-rerank key create' writes them, found {found}; "
        "restore the file, or remove it and make new keys"
    )


def _is_called(row: object, name: str) -> bool:
    return isinstance(row, dict) and name in (row.get("name"), row.get("id"))


def _who(place: int, row: object) -> str:
    """Return whose key a row seems to be, and never what may be a secret."""
    name = row.get("name") if isinstance(row, dict) else None
    if isinstance(name, str) and re.fullmatch(_NAME, name) and not _SECRET.search(name):
        return f"keys.{place} ({name!r})"
    return f"keys.{place}"


def _told(error: ValidationError) -> str:
    """Return what is wrong without what was found, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:60]
    if first["type"] == "extra_forbidden":
        return "expected the fields of a key, found another one"
    return f"{place}: {first['msg']}" if place else first["msg"]


def _hash(secret: str, salt: str) -> str:
    return blake2b(secret.encode(), salt=bytes.fromhex(salt), digest_size=32).hexdigest()


def _write(path: Path, rows: Sequence[object]) -> None:
    replace_file(path, orjson.dumps({"keys": rows}, option=orjson.OPT_INDENT_2))
