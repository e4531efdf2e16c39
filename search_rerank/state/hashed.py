"""Keyed hashes of ids: to tell one again without keeping it."""

from __future__ import annotations

from hashlib import blake2b
from secrets import token_bytes
from typing import Literal


class Hashed:
    """Hashes names of users and sessions under a secret key.

    Parameters
    ----------
    key
        Of 16 bytes or more; left out, one that nobody else has.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self.key = token_bytes(16) if key is None else key

    def __call__(self, kind: Literal["user", "session"], name: str) -> bytes:
        """Return 16 bytes."""
        text = f"{kind}:{name}".encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=16, key=self.key).digest()
