"""What each ranker would have been worth on the rankings of a log that another one wrote.

The pages that shoppers were shown after the test cut are ordered anew. A click is a look at the
place times an attraction of the item; what a page gets under another order is estimated by
`search_rerank.experiments`, `as_shown`. Unlike measures of clicked pages, it counts pages without
a click, and corrects that what stood higher was seen more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.errors import DataError
from search_rerank.evaluation.grouped import ranking
from search_rerank.experiments.diagnostics import diagnose
from search_rerank.experiments.estimators import gained, ips
from search_rerank.experiments.logged import Logged
from search_rerank.experiments.weights import as_shown
from search_rerank.fusion.base import Fusion
from search_rerank.labels.propensity import Propensities
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed
from search_rerank.training import Progress, Shop, as_of, cuts, quiet, replayed, spread


@dataclass(frozen=True)
class Pages:
    """Shown pages that rankers ordered anew.

    Parameters
    ----------
    logged
        Their items at the places shown, with the clicks.
    item
        int64 (n,), number of each row's item in the catalogue.
    places
        Ranker to where it puts each row, int64 (n,).
    """

    logged: Logged
    item: NDArray[np.int64]
    places: Mapping[str, NDArray[np.int64]]


def shown_pages(
    events: Events, start_ms: int, end_ms: int, gains: Mapping[str, float]
) -> list[Occasion]:
    """Return all rankings of two items or more in [start_ms, end_ms), clicked or not.

    What was taken has the gain 1, whatever was done with it; the items shown are what to rank.
    """
    shown = events.rankings
    taken: dict[int, set[int]] = {}
    counts = (events.ranking >= 0) & (events.weights(dict(gains)) > 0)
    for n in np.flatnonzero(counts).tolist():
        taken.setdefault(int(events.ranking[n]), set()).add(int(events.item[n]))
    ids, pages = events.items.ids(), []
    for one in np.flatnonzero((shown.time_ms >= start_ms) & (shown.time_ms < end_ms)).tolist():
        items = shown.items(one).tolist()
        user, session, query = (int(of[one]) for of in (shown.user, shown.session, shown.query))
        if len(items) < 2 or (user < 0 and session < 0):
            continue
        asked = Query(
            text=events.queries.id(query) if query >= 0 else "",
            user=events.users.id(user) if user >= 0 else None,
            session=events.sessions.id(session) if session >= 0 else None,
            k=len(items),
            now_ms=int(shown.time_ms[one]),
        )
        clicked = {ids[item]: 1.0 for item in taken.get(one, ()) if item in items}
        page = tuple(ids[item] for item in items)
        first = int(shown.first[one])
        pages.append(Occasion(asked, clicked, asked=page, shown=page, first=first))
    return pages


def rank_pages(
    shop: Shop, fusions: Mapping[str, Fusion], most: int, progress: Progress = quiet
) -> Pages:
    """Order the pages shown after the test cut anew by each fusion, and as they were shown.

    Parameters
    ----------
    shop
        The data; scorers are fitted on what lies before the test cut.
    fusions
        Name to fusion, learnt before the test cut.
    most
        How many pages, spread evenly over the time.

    Raises
    ------
    DataError
        Where the log has no rankings after the cut.
    """
    cut = cuts(shop.events, shop.config.training)
    found = shown_pages(shop.events, cut.test, cut.end, shop.config.training.gains)
    pages = spread(found, most)
    if not pages:
        raise DataError(
            "expected rankings by known shoppers or sessions after the test cut, found none: log "
            "what is shown, clicked or not"
        )
    places: dict[str, list[NDArray[np.int64]]] = {name: [] for name in ("shown", *fusions)}
    parts: list[tuple[NDArray[np.int64], ...]] = []
    begins = 0
    with as_of(shop, cut.test) as replay:
        for part in replayed(replay, shop, pages, cut.test, progress, "shown pages"):
            kept = part.places >= 0
            places["shown"].append(part.places[kept].astype(np.int64))
            for name, fusion in fusions.items():
                places[name].append(_places(part, fusion.fuse(part.table))[kept])
            columns = (part.table.group + begins, part.places, part.gains > 0, part.items)
            begins += len(part.occasions)
            parts.append(tuple(column[kept].astype(np.int64) for column in columns))
    return _joined(pages, parts, {name: np.concatenate(of) for name, of in places.items()})


def estimates(pages: Pages, propensities: Propensities) -> list[dict[str, Any]]:
    """Return a row for each ranker: clicks a ranking, and what is gained over what was shown.

    Parameters
    ----------
    propensities
        How often each place is looked at; taken as known.
    """
    logged = pages.logged
    deepest = max(int(of.max()) for of in (logged.place, *pages.places.values()))
    examination = propensities.of(np.arange(deepest + 1))
    rows = []
    for name, place in pages.places.items():
        target = as_shown(logged, place, examination)
        value, over = ips(logged, target), gained(logged, target)
        checked = diagnose(logged, target)
        rows.append(
            {
                "system": name,
                "clicks": value.value,
                "ci95": (value.low, value.high),
                "gained": over.value,
                "from": over.low,
                "to": over.high,
                "effective": checked.effective / checked.rows,
                "warnings": list(checked.warnings),
            }
        )
    return rows


def _places(part: Replayed, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of each row in its list, of which its page is a part, int64 (n,)."""
    table = part.table
    order = ranking(scores, table.engine_rank, table.offsets)
    place = np.empty(len(table), dtype=np.int64)
    first = np.array([one.first for one in part.occasions], dtype=np.int64)
    place[order] = np.arange(len(table)) + (first - table.offsets[:-1])[table.group]
    return place


def _joined(
    pages: Sequence[Occasion],
    parts: Sequence[tuple[NDArray[np.int64], ...]],
    places: Mapping[str, NDArray[np.int64]],
) -> Pages:
    group, place, click, item = (np.concatenate(of) for of in zip(*parts, strict=True))
    names = [one.query.user or one.query.session or "" for one in pages]
    _, shopper = np.unique(names, return_inverse=True)
    logged = Logged(group, place, click.astype(np.float64), shopper.astype(np.int64))
    return Pages(logged, item, places)
