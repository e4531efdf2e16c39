"""Interactions and rankings as the server keeps them: JSON arrays, and digests of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Literal

import orjson

from search_rerank.data.event import Event, Interaction, Ranking, Told
from search_rerank.state.base import Past, Shown

Kind = Literal["i", "r"]
INTERACTION: Kind = "i"
RANKING: Kind = "r"
Hash = Callable[[Literal["user", "session"], str], str]
KINDS: tuple[Kind, Kind] = (INTERACTION, RANKING)


def to_append(rows: Iterable[Event], hashed: Hash) -> Iterator[str | int | bytes]:
    """Yield the eight values of each row that ``append.lua`` stores."""
    for row in rows:
        kind = INTERACTION if isinstance(row, Interaction) else RANKING
        bucket, digest = digest_of(kind, row.id)
        who = hashed("user", row.user) if row.user else hashed("session", row.session or "")
        yield from (kind, bucket, digest, who, row.user or "", row.session or "", row.time_ms)
        yield _encoded(row)


def digest_of(kind: Kind, id_: str) -> tuple[str, int]:
    """Return where an id is noted, and as what: 16 and 64 bits of a hash.

    Sets of whole numbers are kept as sorted arrays of 8 bytes each, as long as they are short. Of
    20 million ids two are alike with a probability of 2 in 10,000 million.
    """
    hashed = blake2b(f"{kind}{id_}".encode(), digest_size=10).digest()
    return hashed[:2].hex(), int.from_bytes(hashed[2:], "big", signed=True)


def told(row: bytes) -> Told:
    """Return an interaction that was stored."""
    return Told._make(orjson.loads(row))


def past(row: bytes) -> Past:
    """Return an interaction that was stored as a history has it."""
    _, _, session, item, type_, time_ms, _, _ = orjson.loads(row)
    return Past(item, type_, time_ms, session)


def ranking(row: bytes) -> Ranking:
    """Return a ranking that was stored; it was checked when it came."""
    id_, user, session, query, items, time_ms = orjson.loads(row)
    return Ranking.model_construct(
        id=id_, user=user, session=session, query=query, items=tuple(items), time_ms=time_ms
    )


def shown(row: bytes) -> Shown:
    """Return a ranking that was stored as a list that a shopper was shown."""
    _, _, session, _, items, time_ms = orjson.loads(row)
    return Shown(tuple(items), time_ms, session)


def event(kind: Kind, row: bytes) -> Event:
    """Return what was stored as it was told; it was checked when it came."""
    if kind == RANKING:
        return ranking(row)
    return Interaction.model_construct(**told(row)._asdict())


def _encoded(row: Event) -> bytes:
    if isinstance(row, Interaction):
        return orjson.dumps([getattr(row, name) for name in Told._fields])
    return orjson.dumps([row.id, row.user, row.session, row.query, row.items, row.time_ms])
