"""What a cursor holds, all that the next page needs, and its form as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from search_rerank.answer import Answer, Team, Trial
from search_rerank.paging import MARK_BYTES, Place, Trail

Kind = Literal["search", "recommend"]
Who = tuple[str | None, str | None]
FORM = "search-rerank.cursor.2"
"""Another form has another name, so that no release reads what it would misunderstand."""
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
_COLUMNS = ("ids", "ranks", "explored", "teams", "rules", "before")


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


def packed(cursor: Cursor) -> bytes:
    """Return a cursor as one line of JSON and the marks behind it."""
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
        **_columns(trail.waiting),
    }
    return orjson.dumps(head) + b"\n" + b"".join(sorted(trail.seen))


def unpacked(data: bytes) -> Cursor:
    """Return the cursor that `packed` made bytes of."""
    head, _, seen = data.partition(b"\n")  # JSON has no line break of its own
    row = orjson.loads(head)
    waiting = _places(**{name: row.pop(name) for name in _COLUMNS})
    marks = frozenset(seen[n : n + MARK_BYTES] for n in range(0, len(seen), MARK_BYTES))
    trail = Trail(row.pop("shown"), waiting, marks, row.pop("goes_on"))
    return Cursor(**row | {"who": tuple(row["who"])}, trail=trail)


def _columns(places: Sequence[Place]) -> dict[str, Any]:
    """Return places as columns; what few have by the places that have it."""
    ids, ranks, explored, teams, rules, before = zip(*places, strict=True) if places else [()] * 6
    return {
        "ids": ids,
        "ranks": ranks,
        "explored": [n for n, new in enumerate(explored) if new] if any(explored) else (),
        "teams": {str(n): team for n, team in enumerate(teams) if team} if any(teams) else {},
        "rules": {str(n): some for n, some in enumerate(rules) if some} if any(rules) else {},
        "before": before if before.count(None) < len(before) else (),
    }


def _places(
    ids: list[str],
    ranks: list[int],
    explored: list[int],
    teams: dict[str, Team],
    rules: dict[str, list[str]],
    before: list[int | None],
) -> tuple[Place, ...]:
    """Return the places of columns."""
    fresh, before = set(explored), before or [None] * len(ids)
    return tuple(
        Place(id_, rank, n in fresh, teams.get(str(n)), tuple(rules.get(str(n), ())), before[n])
        for n, (id_, rank) in enumerate(zip(ids, ranks, strict=True))
    )
