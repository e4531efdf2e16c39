"""The log as columns in time order: what scorers are fitted on and replay walks through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking, Told
from search_rerank.data.ids import UNKNOWN, IdMap
from search_rerank.errors import DataError

MAX_KINDS = 127
_PAGE = re.compile(r"[0-9a-f]{32}\.([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class Rankings:
    """What was shown, in time order.

    Parameters
    ----------
    ids
        str objects (r,), each ranking's own id.
    time_ms
        int64 (r,).
    user, session, query
        int32 (r,), numbers in the maps of the events, -1 where none.
    offsets
        int64 (r + 1,): ranking j showed ``shown[offsets[j]:offsets[j + 1]]``, best place first.
    shown
        int32, item numbers.
    """

    ids: NDArray[np.object_]
    time_ms: NDArray[np.int64]
    user: NDArray[np.int32]
    session: NDArray[np.int32]
    query: NDArray[np.int32]
    offsets: NDArray[np.int64]
    shown: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.time_ms)

    @cached_property
    def first(self) -> NDArray[np.int32]:
        """Place in its list of the first item of each, int32 (r,), 0 but for a later page.

        The service names the pages that a list goes on with by the list and the place: `LIST.20`.
        """
        return np.array([first_place(id_) for id_ in self.ids.tolist()], dtype=np.int32)

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Place in its list of each row of `shown`, int32 (s,), 0 first."""
        begins = self.offsets[:-1] - self.first
        return np.arange(len(self.shown), dtype=np.int32) - np.repeat(
            begins, np.diff(self.offsets)
        ).astype(np.int32)

    def items(self, ranking: int) -> NDArray[np.int32]:
        """Return the item numbers one ranking showed, best place first."""
        return self.shown[self.offsets[ranking] : self.offsets[ranking + 1]]


@dataclass(frozen=True)
class Events:
    """Interactions in time order (ties keep the order of the log) and the rankings shown.

    Parameters
    ----------
    items, users, sessions, queries
        Ids and query texts behind the numbers; `items` is the catalogue's map.
    kinds
        The interaction types behind the numbers of `kind`.
    event_ids
        str objects (n,), each interaction's own id: what tells it from others in a state.
    time_ms
        int64 (n,).
    user, session, query
        int32 (n,), -1 where none.
    item
        int32 (n,), always a known item.
    kind
        int8 (n,).
    ranking
        int32 (n,), row of `rankings` that showed the item, -1 where none.
    """

    items: IdMap
    users: IdMap
    sessions: IdMap
    queries: IdMap
    kinds: Sequence[str]
    event_ids: NDArray[np.object_]
    time_ms: NDArray[np.int64]
    user: NDArray[np.int32]
    session: NDArray[np.int32]
    query: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    ranking: NDArray[np.int32]
    rankings: Rankings

    def __len__(self) -> int:
        return len(self.time_ms)

    def before(self, time_ms: int) -> Events:
        """Return the interactions strictly before a time; rankings stay, numbers keep meaning."""
        return self.where(self.time_ms < time_ms)

    def where(self, mask: NDArray[np.bool_]) -> Events:
        """Return the interactions under a boolean mask (n,)."""
        return replace(self, **{name: getattr(self, name)[mask] for name in _COLUMNS})

    def weights(self, gains: dict[str, float]) -> NDArray[np.float32]:
        """Return the strength of each interaction, float32 (n,), by its type; unlisted types 0."""
        table = np.array([gains.get(kind, 0.0) for kind in self.kinds], dtype=np.float32)
        return table[self.kind] if len(self.kinds) else np.zeros(0, dtype=np.float32)

    def actor(self) -> NDArray[np.int32]:
        """Return who acted, int32 (n,): the user, or past all users the session of a visitor."""
        return np.where(self.user >= 0, self.user, len(self.users) + self.session).astype(np.int32)

    @cached_property
    def log(self) -> Sequence[Interaction]:
        """The interactions as single events under their own ids, in time order."""
        shown = [*self.rankings.ids.tolist(), None]  # -1, for none, is the last
        rows = zip(
            self.event_ids.tolist(),
            self.time_ms.tolist(),
            _named(self.user, self.users),
            _named(self.session, self.sessions),
            _named(self.query, self.queries),
            _named(self.item, self.items),
            [self.kinds[kind] for kind in self.kind.tolist()],
            [shown[number] for number in self.ranking.tolist()],
            strict=True,
        )
        return [
            Interaction.model_construct(
                id=id_,
                time_ms=time,
                user=user,
                session=session,
                query=query,
                item=item,
                type=kind,
                ranking=ranking,
            )
            for id_, time, user, session, query, item, kind, ranking in rows
        ]

    @cached_property
    def pages(self) -> Sequence[Ranking]:
        """The rankings as single events, in time order; those without a known item are left out."""
        shown = self.rankings
        ids = self.items.ids()
        items = [ids[number] for number in shown.shown.tolist()]
        rows = zip(
            shown.ids.tolist(),
            shown.time_ms.tolist(),
            _named(shown.user, self.users),
            _named(shown.session, self.sessions),
            _named(shown.query, self.queries),
            pairwise(shown.offsets.tolist()),
            strict=True,
        )
        return [
            Ranking.model_construct(
                id=id_,
                time_ms=time,
                user=user,
                session=session,
                query=query,
                items=tuple(items[start:end]),
            )
            for id_, time, user, session, query, (start, end) in rows
            if start < end
        ]

    @classmethod
    def from_events(cls, events: Iterable[Event], items: IdMap) -> Events:
        """Build the columns of single events about items of a catalogue.

        Interactions with an item that `items` does not hold are left out, as are such items of a
        ranking; a reader that should report them checks before (`search_rerank.data.read`).

        Raises
        ------
        DataError
            Where the interactions have more than `MAX_KINDS` types.
        """
        interactions: list[Interaction] = []
        shown: list[Ranking] = []
        for event in events:
            if isinstance(event, Interaction):
                interactions.append(event)
            else:
                shown.append(event)
        return cls._of(interactions, shown, items)

    @classmethod
    def from_told(cls, interactions: Iterable[Told], items: IdMap) -> Events:
        """Build the columns of interactions read back, without rankings; as `from_events`."""
        return cls._of(interactions, [], items)

    @classmethod
    def _of(cls, told: Iterable[Interaction | Told], shown: list[Ranking], items: IdMap) -> Events:
        interactions = [event for event in told if event.item in items]
        interactions.sort(key=lambda event: event.time_ms)
        shown.sort(key=lambda event: event.time_ms)
        users, sessions, queries = IdMap(), IdMap(), IdMap()
        kinds = IdMap(dict.fromkeys(event.type for event in interactions))
        if len(kinds) > MAX_KINDS:
            raise DataError(
                f"expected at most {MAX_KINDS} types of interaction in a log, found {len(kinds)}, "
                f"such as {', '.join(kinds.ids()[-3:])!r:.200}: a type is a word such as click"
            )

        def numbers(rows: Sequence[Event | Told], field: str, ids: IdMap) -> NDArray[np.int32]:
            values = (getattr(row, field) for row in rows)
            return np.array([UNKNOWN if v is None else ids.add(v) for v in values], dtype=np.int32)

        lists = [items.numbers(row.items) for row in shown]
        lists = [row[row >= 0] for row in lists]
        rankings = Rankings(
            ids=np.array([row.id for row in shown], dtype=np.object_),
            time_ms=np.array([row.time_ms for row in shown], dtype=np.int64),
            user=numbers(shown, "user", users),
            session=numbers(shown, "session", sessions),
            query=numbers(shown, "query", queries),
            offsets=np.cumsum([0, *(len(row) for row in lists)], dtype=np.int64),
            shown=np.concatenate([np.zeros(0, dtype=np.int32), *lists]),
        )
        place = {row.id: n for n, row in enumerate(shown)}
        ranking = np.array([place.get(e.ranking or "", UNKNOWN) for e in interactions], np.int32)
        query = numbers(interactions, "query", queries)
        if len(shown):
            inherited = np.where(ranking >= 0, rankings.query[ranking], UNKNOWN)
            query = np.where(query >= 0, query, inherited).astype(np.int32)
        return cls(
            items=items,
            users=users,
            sessions=sessions,
            queries=queries,
            kinds=kinds.ids(),
            event_ids=np.array([event.id for event in interactions], dtype=np.object_),
            time_ms=np.array([event.time_ms for event in interactions], dtype=np.int64),
            user=numbers(interactions, "user", users),
            session=numbers(interactions, "session", sessions),
            query=query,
            item=items.numbers(event.item for event in interactions),
            kind=kinds.numbers(event.type for event in interactions).astype(np.int8),
            ranking=ranking,
            rankings=rankings,
        )


def first_place(ranking: str) -> int:
    """Return the place at which a page begins, as its id tells; 0 where it tells none."""
    told = _PAGE.fullmatch(ranking) if "." in ranking else None
    return int(told[1]) if told else 0


def _named(numbers: NDArray[np.int32], ids: IdMap) -> list[str | None]:
    table = [*ids.ids(), None]  # -1, for none, is the last
    return [table[number] for number in numbers.tolist()]


_COLUMNS = ("event_ids", "time_ms", "user", "session", "query", "item", "kind", "ranking")
