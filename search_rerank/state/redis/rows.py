"""Interactions and rankings as the server keeps them: JSON arrays, and digests of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Literal

import orjson

from search_rerank.data.event import Event, Interaction, Ranking, Told
from search_rerank.state.askers import short
from search_rerank.state.base import Past, Shown
from search_rerank.state.hashed import Hashed
from search_rerank.state.queries import Row

Kind = Literal["i", "r"]
INTERACTION: Kind = "i"
RANKING: Kind = "r"
KINDS: tuple[Kind, Kind] = (INTERACTION, RANKING)


def to_append(rows: Iterable[Event], hashed: Hashed) -> Iterator[str | int | bytes]:
    """Yield the eight values of each row that ``append.lua`` stores."""
    for row in rows:
        kind = RANKING if isinstance(row, Ranking) else INTERACTION
        bucket, digest = digest_of(kind, row.id)
        who = hashed("user", row.user) if row.user else hashed("session", row.session or "")
        yield from (kind, bucket, digest, who.hex(), row.user or "", row.session or "", row.time_ms)
        yield _encoded(row)


def digest_of(kind: Kind, id_: str) -> tuple[str, int]:
    """Return where an id is noted, and as what: 16 and 64 bits of a hash.

    Sets of whole numbers are kept as sorted arrays of 8 bytes each, as long as they are short. Of
    20 million ids two are alike with a probability of 2 in 10,000 million.
    """
    hashed = blake2b(f"{kind}{id_}".encode(), digest_size=10).digest()
    return hashed[:2].hex(), int.from_bytes(hashed[2:], "big", signed=True)


def to_remove(
    number: int, kind: Kind, row: bytes | None, hashed: Hashed
) -> tuple[str, int, str | bytes]:
    """Return where the id of a row is noted, as what, and what those who counted it must know.

    Of shoppers that is a short hash alone, as counters know them.
    """
    if row is None:
        return "", 0, ""
    if kind == RANKING:
        page = ranking(row)
        return *digest_of(kind, page.id), orjson.dumps([number, page.items, page.time_ms])
    done = told(row)
    user = short(hashed("user", done.user)) if done.user else None
    session = short(hashed("session", done.session)) if done.session else None
    counted: Row = (done.item, done.type, done.time_ms, done.query, user, session)
    return *digest_of(kind, done.id), orjson.dumps([number, *counted])


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
    if isinstance(row, Ranking):
        return orjson.dumps([row.id, row.user, row.session, row.query, row.items, row.time_ms])
    return orjson.dumps([getattr(row, name) for name in Told._fields])
