"""Ids as they are kept: short, and found again by a short number."""

from __future__ import annotations

import re
from hashlib import blake2b

Compact = str | bytes
"""An id as it is kept: text, or the bytes that its hexadecimal digits stand for."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_BITS = 63


def compact(id_: str) -> Compact:
    """Return an id for keeping: 16 bytes for 32 hexadecimal digits, 17 for a UUID, else itself."""
    if len(id_) == 32:
        try:
            kept = bytes.fromhex(id_)
        except ValueError:
            return id_
        # Also taken are capitals and spaces, which would not come back.
        return kept if kept.hex() == id_ else id_
    if len(id_) == 36 and _UUID(id_):
        return b"-" + bytes.fromhex(id_.replace("-", ""))
    return id_


def plain(kept: Compact) -> str:
    """Return the id that was kept."""
    if isinstance(kept, str):
        return kept
    if len(kept) == 16:
        return kept.hex()
    digits = kept[1:].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def plain_or_none(kept: Compact | None) -> str | None:
    """Return the id that was kept, None for none."""
    return None if kept is None else plain(kept)


class Numbers:
    """Numbers of ids by which an index finds them: nobody without the key can make two collide.

    Parameters
    ----------
    key
        Secret of the file.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, id_: str) -> int:
        """Return a number of 47 bits: two ids may have the same one."""
        return self._hash(id_) >> (_BITS - 47)

    def of_session(self, session: str) -> int:
        """Return a number of 63 bits: no two sessions have the same one."""
        return self._hash(session)

    def _hash(self, id_: str) -> int:
        digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest()) >> 1
