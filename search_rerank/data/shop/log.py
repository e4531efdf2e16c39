"""What happened in the demo shop, written as events in time order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.data.shop.catalogue import Products
from search_rerank.data.shop.clicks import Clicks
from search_rerank.data.shop.searches import Searches, mistyped, query_text
from search_rerank.data.shop.shoppers import Shoppers


@dataclass(frozen=True)
class _Rows:
    """Events before they are written: what happened, to which search and item, when, in order."""

    time_ms: NDArray[np.int64]
    kind: NDArray[np.int64]
    search: NDArray[np.int64]
    item: NDArray[np.int64]
    later: NDArray[np.bool_]


_KINDS = ("ranking", "click", "cart", "purchase")


def make_log(
    products: Products,
    shoppers: Shoppers,
    searches: Searches,
    shown: NDArray[np.int64],
    clicks: Clicks,
    n: int,
    end_ms: int,
) -> list[Event]:
    """Return the events of as many whole sessions as give n events, none after the end."""
    rows = _cut(_rows(searches, shown, clicks), searches, n, end_ms)
    ids = [item.id for item in products.items]
    texts = _texts(searches)
    users = [f"u{who:05d}" if who < shoppers.accounts else None for who in searches.who.tolist()]
    sessions = _session_names(rows, searches)
    ranking_ids: dict[int, str] = {}
    events: list[Event] = []
    columns = (rows.time_ms, rows.kind, rows.search, rows.item, rows.later)
    for time_ms, kind, search, item, later in zip(*(c.tolist() for c in columns), strict=True):
        user, session = users[search], sessions[search]
        # The shape is known to be right (a test parses them); checking each costs seconds.
        if kind == 0:
            ranking_ids[search] = f"r{len(ranking_ids):06d}"
            page = shown[search]
            events.append(
                Ranking.model_construct(
                    event="ranking",
                    id=ranking_ids[search],
                    time_ms=time_ms,
                    user=user,
                    session=session,
                    query=texts[search],
                    items=tuple([ids[n] for n in page[page >= 0].tolist()]),
                )
            )
            continue
        events.append(
            Interaction.model_construct(
                event="interaction",
                id=f"i{len(events):06d}",
                time_ms=time_ms,
                user=user,
                session=f"{session}-later" if later else session,
                query=None if later else texts[search],
                item=ids[item],
                type=_KINDS[kind],
                ranking=None if later else ranking_ids[search],
            )
        )
    return events


def _rows(searches: Searches, shown: NDArray[np.int64], clicks: Clicks) -> _Rows:
    asked = np.flatnonzero(shown[:, 0] >= 0)
    carted = np.flatnonzero(clicks.cart_ms)
    bought = np.flatnonzero(clicks.purchase_ms)
    parts = [
        (searches.time_ms[asked], asked, np.full(len(asked), -1)),
        (clicks.click_ms, clicks.search, clicks.item),
        (clicks.cart_ms[carted], clicks.search[carted], clicks.item[carted]),
        (clicks.purchase_ms[bought], clicks.search[bought], clicks.item[bought]),
    ]
    before = sum(len(time_ms) for time_ms, _, _ in parts[:3])
    return _Rows(
        time_ms=np.concatenate([part[0] for part in parts]),
        kind=np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]),
        search=np.concatenate([part[1] for part in parts]),
        item=np.concatenate([part[2] for part in parts]),
        later=np.concatenate([np.zeros(before, dtype=bool), clicks.later[bought]]),
    )


def _cut(rows: _Rows, searches: Searches, n: int, end_ms: int) -> _Rows:
    """Keep the first sessions, which are in no order of time, and sort by time."""
    session = searches.session[rows.search]
    in_time = rows.time_ms <= end_ms
    total = np.cumsum(np.bincount(session[in_time], minlength=int(session.max()) + 1))
    last = np.searchsorted(total, n)
    keep = np.flatnonzero(in_time & (session <= last))
    keep = keep[np.argsort(rows.time_ms[keep], kind="stable")]
    return _Rows(
        rows.time_ms[keep], rows.kind[keep], rows.search[keep], rows.item[keep], rows.later[keep]
    )


def _texts(searches: Searches) -> list[str]:
    columns = (searches.scope, searches.brand, searches.colour, searches.audience)
    known: dict[tuple[int, ...], str] = {}
    texts = []
    for row, (words, typo) in enumerate(
        zip(
            zip(*(column.tolist() for column in columns), strict=True),
            searches.typo.tolist(),
            strict=True,
        )
    ):
        text = known.get(words) or known.setdefault(words, query_text(*words))
        texts.append(mistyped(text, row) if typo else text)
    return texts


def _session_names(rows: _Rows, searches: Searches) -> dict[int, str]:
    """Name sessions in the order of their first events; by the row of each search."""
    names: dict[int, str] = {}
    by_search: dict[int, str] = {}
    for search in rows.search.tolist():
        session = int(searches.session[search])
        by_search[search] = names.setdefault(session, f"s{len(names):06d}")
    return by_search
