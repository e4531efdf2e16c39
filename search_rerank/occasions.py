"""The moments of a log at which somebody looked for something and we know what they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.events import Events
from search_rerank.labels.attribution import credited, strengths
from search_rerank.query import Query

_VISIT_GAP_MS = 30 * 60 * 1000


@dataclass(frozen=True)
class Occasion:
    """A query and what came of it.

    Parameters
    ----------
    query
        What was asked, by whom, when.
    gains
        Item id to gain, above 0, of what the shopper then took.
    asked
        The items to rank where a protocol or a shown list fixes them; None asks the engine.
    seen
        Items to leave out: a protocol that ranks only what the shopper does not have yet.
    shown
        Item ids that the shopper was shown, best place first; empty where the log has no ranking.
    ranking
        Id of that ranking, which is that of the answer; None where the log has none.
    first
        Place in its list of the first item shown: 0, but for a later page.
    """

    query: Query
    gains: Mapping[str, float]
    asked: Sequence[str] | None = None
    seen: frozenset[str] = frozenset()
    shown: Sequence[str] = ()
    ranking: str | None = None
    first: int = 0


def from_log(
    events: Events,
    start_ms: int,
    end_ms: int,
    gains: Mapping[str, float],
    k: int,
    shown: bool = False,
    labels: LabelsConfig | None = None,
) -> list[Occasion]:
    """Return the queries asked in [start_ms, end_ms) that led to an interaction, in time order.

    Interactions that name the same ranking, or are credited to it, are one occasion, at the
    ranking's time; without a ranking, those of one shopper, session and query are one, at the time
    of the first, until half an hour passes without one. Interactions with neither count only in a
    log that has no queries at all: each is then an occasion of browsing, with an empty text. What
    came at `end_ms` or later is no part of any occasion.

    Parameters
    ----------
    events
        The whole log.
    start_ms, end_ms
        The window, by the time of the occasion.
    gains
        Gain of each interaction type; an item keeps the largest of its gains.
    k
        Candidates to ask for.
    shown
        Whether to rank what the ranking showed instead of asking the engine.
    labels
        How interactions are credited to rankings and what dwell times are worth; left out, only
        the ranking that an interaction names counts, and all dwell times alike.
    """
    if labels is None:
        weight, led = events.weights(dict(gains)), events.ranking
    else:
        weight = strengths(events, gains, labels)
        led = credited(events, labels.attribution_days, labels.touch)
    actor = events.actor()
    asks = (led >= 0) | (events.query >= 0)
    browsing = not asks.any()
    # What came after the window must not teach, even of a ranking shown in it.
    usable = (weight > 0) & (asks | browsing) & (events.time_ms < end_ms)
    found: dict[tuple[int, ...], dict[str, float]] = {}
    first: dict[tuple[int, ...], int] = {}
    items = events.items.ids()
    visits = _Visits(events)
    for n in np.flatnonzero(usable).tolist():
        ranking = int(led[n])
        if ranking >= 0:
            key: tuple[int, ...] = (ranking,)
        elif browsing:
            key = (-1, n)
        else:
            key = visits.key((int(actor[n]), int(events.session[n]), int(events.query[n])), n)
        taken = found.setdefault(key, {})
        first.setdefault(key, n)
        item = items[events.item[n]]
        taken[item] = max(taken.get(item, 0.0), float(weight[n]))
    occasions = []
    for key, taken in found.items():
        n = first[key]
        ranking = int(led[n])
        time_ms = int(events.rankings.time_ms[ranking] if ranking >= 0 else events.time_ms[n])
        if start_ms <= time_ms < end_ms:
            were = tuple(items[i] for i in events.rankings.items(ranking)) if ranking >= 0 else ()
            asked = were if shown and ranking >= 0 else None
            of = _query(events, n, time_ms, k, ranking)
            name = events.rankings.ids[ranking] if ranking >= 0 else None
            place = int(events.rankings.first[ranking]) if ranking >= 0 else 0
            occasions.append(Occasion(of, taken, asked, shown=were, ranking=name, first=place))
    return sorted(occasions, key=lambda occasion: occasion.query.now_ms)


def from_protocol(
    events: Events,
    query_items: Mapping[str, Sequence[str]],
    start_ms: int,
    end_ms: int,
    gains: Mapping[str, float],
    k: int,
    whole_catalogue: bool = False,
) -> list[Occasion]:
    """Return one occasion for each query that holds the item of an interaction in the window.

    Only users and items with an event before `start_ms` count, and items the user had before it
    are left out of the ranking. The candidates are the query's items, or what the engine finds in
    the `whole_catalogue`. (The protocol of Ai et al., SIGIR 2017, with a global time cut.)
    """
    past = events.before(start_ms)
    users, known = set(past.user.tolist()), set(past.item.tolist())
    items = events.items.ids()
    had: dict[int, set[str]] = {}
    for user, item in zip(past.user.tolist(), past.item.tolist(), strict=True):
        had.setdefault(user, set()).add(items[item])
    holding: dict[str, list[str]] = {}
    for text, asked in query_items.items():
        for id_ in asked:
            holding.setdefault(id_, []).append(text)
    weight = events.weights(dict(gains))
    occasions = []
    window = (events.time_ms >= start_ms) & (events.time_ms < end_ms) & (weight > 0)
    for n in np.flatnonzero(window).tolist():
        user, item = int(events.user[n]), int(events.item[n])
        id_ = items[item]
        if user not in users or item not in known or id_ in had[user]:
            continue
        asker = events.users.id(user)
        for text in holding.get(id_, ()):
            query = Query(text=text, user=asker, k=k, now_ms=int(events.time_ms[n]))
            fixed = None if whole_catalogue else query_items[text]
            seen = frozenset(had[user])
            occasions.append(Occasion(query, {id_: float(weight[n])}, fixed, seen))
    return occasions


class _Visits:
    """Tells when the same question of the same shopper is asked anew: after half an hour."""

    def __init__(self, events: Events) -> None:
        self._times = events.time_ms
        self._last: dict[tuple[int, ...], tuple[int, int]] = {}
        """Question to the first interaction of its visit and the time of the latest."""

    def key(self, question: tuple[int, ...], n: int) -> tuple[int, ...]:
        time_ms = int(self._times[n])
        first, latest = self._last.get(question, (n, time_ms))
        if time_ms - latest > _VISIT_GAP_MS:
            first = n
        self._last[question] = (first, time_ms)
        return (*question, first)


def _query(events: Events, n: int, time_ms: int, k: int, ranking: int) -> Query:
    """Return what was asked: as the first interaction says, or the ranking it is credited to."""
    named = ranking < 0 or int(events.ranking[n]) == ranking
    user, session, query = (
        (int(events.user[n]), int(events.session[n]), int(events.query[n]))
        if named
        else tuple(
            int(getattr(events.rankings, of)[ranking]) for of in ("user", "session", "query")
        )
    )
    return Query(
        text=events.queries.id(query) if query >= 0 else "",
        user=events.users.id(user) if user >= 0 else None,
        session=events.sessions.id(session) if session >= 0 else None,
        k=k,
        now_ms=time_ms,
    )
