"""What a click of the log counts for another ranker, under three assumptions.

==================  ============================  ==================================================
function            needs to know                 assumes of clicks
==================  ============================  ==================================================
``as_shown``        the examination of places     a click is a look at the place times an attraction
                                                  of the item (position-based model)
``policy_aware``    that, and how the log's       the same; its weights vary less, and items that
                    lists were drawn              were not shown by chance count, too
``item_position``   how the log's lists were      only that a click depends on the item and its
                    drawn                         place, not on the other items
==================  ============================  ==================================================

What the log had no chance to show cannot be told of, and is refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError
from search_rerank.experiments.logged import Logged, Target


def as_shown(
    logged: Logged, new_place: NDArray[np.int64], examination: NDArray[np.float64]
) -> Target:
    """Weigh by examination of the new place over examination of the place in the log.

    Joachims, Swaminathan and Schnabel (WSDM 2017), for a log without known randomness.

    Parameters
    ----------
    new_place
        int64 (n,), where the new ranker puts the item of each row, 0 first; -1 where nowhere.
    examination
        float64 (places,), chance that each place is looked at; 0 past its end.
    """
    looked = _at(examination, logged.place)
    wanted = _at(examination, new_place)
    return Target(_over(wanted, looked), looked, logged.per_ranking(wanted))


def policy_aware(
    logged: Logged,
    wanted: NDArray[np.float64],
    given: NDArray[np.float64],
    examination: NDArray[np.float64],
    attention: NDArray[np.float64],
) -> Target:
    """Weigh by the looks that an item gets from the new ranker over those it gets from the log's.

    Both are expectations over how lists are drawn (Oosterhuis and de Rijke, SIGIR 2020).

    Parameters
    ----------
    wanted, given
        float64 (n,) each, for the item of each row the expected examination of its place under
        the new and under the logging policy (`search_rerank.experiments.policies.looks`).
    examination
        float64 (places,).
    attention
        float64 (r,), `wanted` summed over all items that the new ranker shows in each ranking.
    """
    return Target(_over(wanted, given), _at(examination, logged.place), attention)


def item_position(
    logged: Logged,
    wanted: NDArray[np.float64],
    given: NDArray[np.float64],
    places: NDArray[np.integer],
    examination: NDArray[np.float64] | None = None,
) -> Target:
    """Weigh by the chance that the new policy puts the item at the place over the log's chance.

    Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen (KDD 2018).

    Parameters
    ----------
    wanted, given
        float64 (n,) each, chance of the row's item at the row's place under the new and under the
        logging policy.
    places
        (r,), how many places each ranking has.
    examination
        float64 (places,): only for what normalises and for the regression of the doubly robust
        estimate, which may be wrong; None takes all places alike.
    """
    looks = np.ones(int(places.max())) if examination is None else examination
    total = np.concatenate([[0.0], np.cumsum(_at(looks, np.arange(int(places.max()))))])
    return Target(_over(wanted, given), _at(looks, logged.place), total[places])


def _at(examination: NDArray[np.float64], place: NDArray[np.integer]) -> NDArray[np.float64]:
    inside = (place >= 0) & (place < len(examination))
    return np.where(inside, examination[np.where(inside, place, 0)], 0.0)


def _over(wanted: NDArray[np.float64], given: NDArray[np.float64]) -> NDArray[np.float64]:
    if ((given <= 0) & (wanted > 0)).any():
        raise DataError(
            f"expected a chance above 0 of whatever the new ranker shows, found "
            f"{int(((given <= 0) & (wanted > 0)).sum())} rows without: such a log tells nothing of "
            "them; show them at random now and then, or estimate over shorter lists"
        )
    return np.where(given > 0, wanted / np.where(given > 0, given, 1.0), 0.0)
