"""Cursors signed and read back: what the next page needs is kept by the caller."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b, sha256

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from search_rerank.config import Config
from service.cursor_form import FORM, Cursor, Kind, Who, packed, unpacked
from service.cursor_key import cursor_key
from service.problems import Problem

AGAIN = "search again without it"
_LEVEL = 1
"""Of compression: a higher one takes several times as long for a twelfth less."""


class Cursors:
    """Signs cursors and reads them back.

    Parameters
    ----------
    config
        Where the secret is, and how long a cursor may be.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    @cached_property
    def _key(self) -> bytes:
        return cursor_key(self._config.home)

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._key, FORM, key_derivation="hmac", digest_method=sha256)

    def who(self, user: str | None, session: str | None) -> Who:
        """Return who asks, in a form that tells nobody else."""
        return self._hidden("u", user), self._hidden("s", session)

    def seal(self, cursor: Cursor) -> str | None:
        """Return a cursor as text; of a window that is too long the first places.

        None where not even the request and what was shown fit.
        """
        limit = self._config.pages.cursor_bytes
        while True:
            data = zlib.compress(packed(cursor), _LEVEL)
            text = self._signer.sign(base64_encode(data)).decode("ascii")
            if len(text) <= limit:
                return text
            waiting = cursor.trail.waiting
            if not waiting:
                return None
            n = int(len(waiting) * min(limit / len(text), 0.9))
            cursor = replace(cursor, trail=replace(cursor.trail, waiting=waiting[:n]))

    def open(self, text: str, kind: Kind, now_ms: int) -> Cursor:
        """Return what a text holds.

        Raises
        ------
        Problem
            400 where it is none that was given for this endpoint, 410 where it has expired.
        """
        try:
            cursor = unpacked(zlib.decompress(base64_decode(self._signer.unsign(text))))
        except (BadData, UnicodeError):  # what is signed was packed here, and is never damaged
            raise Problem(
                400,
                "cursor: expected one as an answer of this service gave it, found another, or one "
                f"that was changed; {AGAIN}",
            ) from None
        if cursor.kind != kind:
            raise Problem(
                400, f"cursor: expected one of /{kind}, found one of /{cursor.kind}; {AGAIN}"
            )
        if now_ms > cursor.until_ms:
            minutes = self._config.pages.expires_s / 60
            raise Problem(
                410,
                f"cursor: expected one of the last {minutes:g} minutes, found an older; {AGAIN}",
            )
        return cursor

    def _hidden(self, kind: str, name: str | None) -> str | None:
        if name is None:
            return None
        text = f"{kind}{name}".encode("utf-8", "replace")
        return blake2b(text, key=self._key[:64], digest_size=8).hexdigest()
