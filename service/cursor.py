"""What a cursor holds, and how it is signed: all that the next page needs, kept by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b, sha256
from typing import Any, Literal

import orjson
from itsdangerous import BadData, URLSafeSerializer

from search_rerank.answer import Answer, Trial
from search_rerank.config import Config
from search_rerank.paging import MARK_BYTES, Place, Trail
from service.cursor_key import cursor_key
from service.problems import Problem

Kind = Literal["search", "recommend"]
Who = tuple[str | None, str | None]
_TOLD = (
    "total",
    "total_exact",
    "history",
    "bundle",
    "basis",
    "did_you_mean",
    "searched",
    "relaxed",
)
_FORM = "search-rerank.cursor.1"
"""Another form has another salt, so that no release reads what it would misunderstand."""
AGAIN = "search again without it"


@dataclass(frozen=True)
class Cursor:
    """Where a list goes on.

    Parameters
    ----------
    kind
        The endpoint that gave it.
    asked
        The request's fields as JSON, without those that are the page's or say who asks.
    who
        Keyed hashes of user and session; None where nobody was named, or it is not to be known.
    size
        Items a page where nothing else is asked.
    told
        What the first page said of the whole list, by the names of `Answer`.
    ranking
        Id of the first answer.
    trail
        How far the pages came.
    until_ms
        When it expires, unix milliseconds.
    """

    kind: Kind
    asked: Mapping[str, Any]
    who: Who
    size: int
    told: Mapping[str, Any]
    ranking: str
    trail: Trail
    until_ms: int


def told_of(answer: Answer) -> dict[str, Any]:
    """Return what holds for the whole list."""
    found = {name: value for name in _TOLD if (value := getattr(answer, name)) is not None}
    trial = answer.trial
    return found | ({} if trial is None else {"trial": (trial.name, trial.variant)})


def retold(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an `Answer` from what `told_of` gave, as JSON gives it back."""
    found = {"bundle": None, **told, "relaxed": tuple(told.get("relaxed", ()))}
    return found | ({"trial": Trial(*told["trial"])} if "trial" in told else {})


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
    def _signer(self) -> URLSafeSerializer:
        kwargs = {"key_derivation": "hmac", "digest_method": sha256}
        return URLSafeSerializer(self._key, _FORM, serializer=_Packed, signer_kwargs=kwargs)

    def who(self, user: str | None, session: str | None) -> Who:
        """Return who asks, in a form that tells nobody else."""
        return self._hidden("u", user), self._hidden("s", session)

    def seal(self, cursor: Cursor) -> str | None:
        """Return a cursor as text; of a window that is too long the first places.

        None where not even the request and what was shown fit.
        """
        limit = self._config.pages.cursor_bytes
        while True:
            signed: Any = self._signer.dumps(cursor)  # bytes, as those of `_Packed` are
            text: str = signed.decode("ascii")
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
            cursor: Cursor = self._signer.loads(text)
        except (BadData, ValueError):
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


class _Packed:
    """A cursor as one line of JSON and the marks behind it; itsdangerous compresses both."""

    @staticmethod
    def dumps(cursor: Any, **_: Any) -> bytes:
        if not isinstance(cursor, Cursor):  # itsdangerous asks whether this makes text or bytes
            return b""
        trail = cursor.trail
        head = {
            "kind": cursor.kind,
            "asked": cursor.asked,
            "who": cursor.who,
            "size": cursor.size,
            "told": cursor.told,
            "ranking": cursor.ranking,
            "until_ms": cursor.until_ms,
            "shown": trail.shown,
            "goes_on": trail.goes_on,
            "ids": [place.id for place in trail.waiting],
            "ranks": [place.engine_rank for place in trail.waiting],
            "explored": [n for n, place in enumerate(trail.waiting) if place.explored],
            "teams": {str(n): p.team for n, p in enumerate(trail.waiting) if p.team is not None},
        }
        return orjson.dumps(head) + b"\n" + b"".join(sorted(trail.seen))

    @staticmethod
    def loads(data: Any, **_: Any) -> Cursor:
        head, _, packed = data.partition(b"\n")  # JSON has no line break of its own
        row = orjson.loads(head)
        explored, teams = set(row.pop("explored")), row.pop("teams")
        waiting = tuple(
            Place(id_, rank, n in explored, teams.get(str(n)))
            for n, (id_, rank) in enumerate(zip(row.pop("ids"), row.pop("ranks"), strict=True))
        )
        seen = frozenset(packed[n : n + MARK_BYTES] for n in range(0, len(packed), MARK_BYTES))
        trail = Trail(row.pop("shown"), waiting, seen, row.pop("goes_on"))
        return Cursor(**row | {"who": tuple(row["who"])}, trail=trail)
