"""On which queries one system beats another, and their lists side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.occasions import Occasion


@dataclass(frozen=True)
class WinsAndLosses:
    """Queries by who is better on them.

    Parameters
    ----------
    wins, losses, ties
        Queries on which the first system is better, worse, or as good within the threshold.
    most_won, most_lost
        int64, numbers of the queries with the largest difference either way, largest first; never
        one that is a tie.
    """

    wins: int
    losses: int
    ties: int
    most_won: NDArray[np.int64]
    most_lost: NDArray[np.int64]


@dataclass(frozen=True)
class Placed:
    """An item in a list: its id, and its gain for the query, 0 if it was not taken."""

    item: str
    gain: float


@dataclass(frozen=True)
class SideBySide:
    """One query with the lists of two systems.

    Parameters
    ----------
    query
        Its number.
    text, shopper
        What was asked, and by whom; empty where not known.
    time_ms
        When.
    a, b
        The measure of each system.
    first_a, first_b
        The beginning of each list, best place first.
    missed
        What was taken and is in neither beginning.
    """

    query: int
    text: str
    shopper: str
    time_ms: int
    a: float
    b: float
    first_a: Sequence[Placed]
    first_b: Sequence[Placed]
    missed: Sequence[Placed]


def wins_and_losses(
    a: NDArray[np.floating], b: NDArray[np.floating], threshold: float = 0.0, n: int = 10
) -> WinsAndLosses:
    """Count on which queries the first system is better, and name the clearest.

    Parameters
    ----------
    a, b
        (q,) each, one a query, in the same order.
    threshold
        A difference as small as this is a tie.
    n
        Most queries to name each way; of equal differences the earlier query.

    Raises
    ------
    ValueError
        Where a and b are not as many, one is not finite, or the threshold is below 0.
    """
    if len(a) != len(b):
        raise ValueError(f"expected as many values of both systems, found {len(a)} and {len(b)}")
    if not threshold >= 0:
        raise ValueError(f"expected a threshold of 0 or more, found {threshold}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    if not np.isfinite(difference).all():
        raise ValueError("expected finite values, found NaN or infinity")
    order = np.argsort(-difference, kind="stable")
    won = order[difference[order] > threshold]
    order = np.argsort(difference, kind="stable")
    lost = order[difference[order] < -threshold]
    ties = len(difference) - len(won) - len(lost)
    return WinsAndLosses(len(won), len(lost), ties, won[:n], lost[:n])


def side_by_side(
    queries: NDArray[np.integer],
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    lists_a: NDArray[np.integer],
    lists_b: NDArray[np.integer],
    occasions: Sequence[Occasion],
    catalogue: Catalogue,
) -> list[SideBySide]:
    """Return the lists of two systems for some queries, in words that a page can show.

    Parameters
    ----------
    queries
        Numbers of queries, such as `WinsAndLosses.most_won`.
    a, b
        (q,) each, the measure of all queries.
    lists_a, lists_b
        (q, depth), item numbers by place, -1 for none.
    occasions
        All q queries.
    catalogue
        Whose numbers the items have.
    """

    def placed(row: NDArray[np.integer], gains: dict[str, float]) -> list[Placed]:
        ids = [catalogue.ids.id(number) for number in row.tolist() if number >= 0]
        return [Placed(id_, gains.get(id_, 0.0)) for id_ in ids]

    found = []
    for query in queries.tolist():
        occasion = occasions[query]
        gains = dict(occasion.gains)
        first_a, first_b = placed(lists_a[query], gains), placed(lists_b[query], gains)
        there = {one.item for one in (*first_a, *first_b)}
        missed = [Placed(id_, gain) for id_, gain in gains.items() if id_ not in there]
        found.append(
            SideBySide(
                query=query,
                text=occasion.query.text,
                shopper=occasion.query.user or occasion.query.session or "",
                time_ms=occasion.query.now_ms,
                a=float(a[query]),
                b=float(b[query]),
                first_a=first_a,
                first_b=first_b,
                missed=missed,
            )
        )
    return found
