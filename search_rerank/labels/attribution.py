"""Which ranking led to each interaction, and how long a click was looked at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN

CLICK = "click"
"""The interaction type whose dwell time counts."""
_DAY_MS = 86_400_000


def strengths(
    events: Events, gains: Mapping[str, float], config: LabelsConfig
) -> NDArray[np.float32]:
    """Return what each interaction is worth as a label, float32 (n,).

    The gain of its type; of a click times `short_dwell_gain` or `long_dwell_gain` where its dwell
    time is below the one bound or reaches the other. A click that nothing followed keeps its gain.
    """
    found = events.weights(dict(gains))
    if CLICK not in events.kinds or not (config.short_dwell_s or config.long_dwell_s):
        return found
    click = events.kind == list(events.kinds).index(CLICK)
    dwell_s = dwell_times_s(events, config.dwell_cap_s)
    factor = np.ones(len(events), dtype=np.float32)
    factor[dwell_s < config.short_dwell_s] = config.short_dwell_gain  # NaN is not below
    if config.long_dwell_s:
        factor[dwell_s >= config.long_dwell_s] = config.long_dwell_gain
    return np.where(click, found * factor, found).astype(np.float32)


def dwell_times_s(events: Events, cap_s: float) -> NDArray[np.float64]:
    """Return the seconds from each interaction to the shopper's next event, float64 (n,).

    Events are those of the same session, or of the same user where there is none: interactions and
    rankings, since who searches again has left the item.

    Parameters
    ----------
    cap_s
        No dwell time is longer.

    Returns
    -------
    NDArray
        NaN where nothing followed: the shopper may have stayed or gone.
    """
    shown = events.rankings
    time_ms = np.concatenate([events.time_ms, shown.time_ms])
    session = np.concatenate([events.session, shown.session]).astype(np.int64)
    user = np.concatenate([events.user, shown.user]).astype(np.int64)
    who = np.where(session >= 0, len(events.users) + session, user)
    order = np.lexsort((time_ms, who))
    next_ms = np.full(len(order), np.nan)
    same = (who[order[1:]] == who[order[:-1]]) & (who[order[1:]] >= 0)
    next_ms[order[:-1][same]] = time_ms[order[1:][same]]
    seconds = (next_ms[: len(events)] - events.time_ms) / 1000
    return np.minimum(seconds, cap_s)


def credited(events: Events, days: float, touch: str) -> NDArray[np.int32]:
    """Return the ranking that led to each interaction, int32 (n,), -1 where none did.

    That is the ranking that the interaction names. One that names none, such as a purchase a day
    later, is credited to the last touch: the newest ranking of the same user or session, not older
    than `days`, in which the item was clicked; where it was clicked in none, the newest that
    showed it.

    Parameters
    ----------
    days
        0 credits nothing but what is named.
    touch
        `impression` takes the newest ranking that showed the item, whatever was clicked.
    """
    found = events.ranking.copy()
    orphans = np.flatnonzero(found == UNKNOWN)
    shown = events.rankings
    if days <= 0 or len(orphans) == 0 or len(shown) == 0:
        return found
    oldest_ms = events.time_ms[orphans] - int(days * _DAY_MS)
    wanted = np.zeros(len(events.items), dtype=bool)
    wanted[events.item[orphans]] = True
    place = np.flatnonzero(wanted[shown.shown])
    ranking = np.searchsorted(shown.offsets, place, side="right") - 1
    seen = _last_touch(
        events, orphans, ranking, shown.shown[place], shown.time_ms[ranking], oldest_ms
    )
    if touch == "click":
        clicks = np.flatnonzero((events.ranking >= 0) & wanted[events.item])
        named = events.ranking[clicks]
        clicked = _last_touch(
            events, orphans, named, events.item[clicks], events.time_ms[clicks], oldest_ms
        )
        recent = (clicked >= 0) & (shown.time_ms[clicked] >= oldest_ms)
        seen = np.where(recent, clicked, seen)
    found[orphans] = seen
    return found


def _last_touch(
    events: Events,
    orphans: NDArray[np.int64],
    ranking: NDArray[np.integer],
    item: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    oldest_ms: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the ranking of each orphan's newest touch, int64 (o,), -1 where there is none.

    A touch is a ranking, an item that it led to, and a time, each (t,); it counts for interactions
    with the item by the ranking's user or session, not before it.
    """
    order = np.argsort(time_ms, kind="stable")
    ranking, item, time_ms = ranking[order], item[order], time_ms[order]
    width, n = len(events.items), len(order)
    newest = np.full(len(orphans), -1, dtype=np.int64)  # number of the touch
    until = np.searchsorted(time_ms, events.time_ms[orphans], side="right")
    for whose, theirs in (
        (events.rankings.user[ranking], events.user[orphans]),
        (events.rankings.session[ranking], events.session[orphans]),
    ):
        key = whose.astype(np.int64) * width + item
        # Within a key touches are in time order, so that one sorted column finds both.
        table = np.sort((key * (n + 1) + np.arange(n))[whose >= 0])
        asked = theirs.astype(np.int64) * width + events.item[orphans]
        at = np.searchsorted(table, asked * (n + 1) + until, side="left") - 1
        hit = table[np.maximum(at, 0)] if len(table) else np.full(len(at), -1)
        right = (at >= 0) & (theirs >= 0) & (hit // (n + 1) == asked)
        newest = np.maximum(newest, np.where(right, hit % (n + 1), -1))
    known = newest >= 0
    recent = known & (time_ms[np.maximum(newest, 0)] >= oldest_ms) if n else known
    return np.where(recent, ranking[np.maximum(newest, 0)] if n else -1, -1).astype(np.int64)
