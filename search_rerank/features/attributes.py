"""What an item's chosen attributes say: numbers themselves, words by the shopper's affinity.

The affinity to a word is the share of the items with it that the shopper took, of those with it
that they took or were shown and left: drawn to the shopper's share over all items with the weight
of `_PRIOR` items, and less that share. So 0 is neither liking nor dislike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, Columns, constant
from search_rerank.features.moment import Moment

_PRIOR = 3.0
_SHOP_TOOK, _SHOP_LEFT = 1.0, 4.0
"""Items that every shopper is taken to have taken and left before the first."""


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the attributes group, without a column where no attribute is chosen.

    `attributes.NAME` is the number. `attributes.NAME_affinity` is the mean affinity to the item's
    words, NaN where it has none; `attributes.affinity` the sum over all words, the rarer of the
    catalogue weighing more. A shopper who took nothing and was shown nothing has none.
    """
    own = catalogue.properties
    if not own:
        return {}
    numbers = own.numbers_of(moment.items)
    found: dict[str, Column] = {
        f"attributes.{own.names[n]}": numbers[:, n] for n in own.with_numbers
    }
    if not own.with_words:
        return found
    n = len(moment.items)
    took, left = moment.history.items, moment.left
    found["attributes.left"] = constant(len(left), n)
    if len(took) + len(left) == 0:
        names = [f"attributes.{own.names[place]}_affinity" for place in own.with_words]
        return found | {name: constant(np.nan, n) for name in [*names, "attributes.affinity"]}
    row, words = own.of(np.concatenate([moment.items, took, left]))
    word, *of_shopper = np.split(words.astype(np.intp), row.searchsorted([n, n + len(took)]))
    row = row[: len(word)]
    liked, left_of = _counted(word, of_shopper, len(own.words))
    share = (len(took) + _SHOP_TOOK) / (len(took) + len(left) + _SHOP_TOOK + _SHOP_LEFT)
    affinity = (liked + _PRIOR * share) / (liked + left_of + _PRIOR) - share
    shape = (n, len(own.names))
    cell = row * len(own.names) + own.owner.take(word)
    count = np.bincount(cell, minlength=n * len(own.names)).reshape(shape)
    total = np.bincount(cell, affinity, minlength=n * len(own.names)).reshape(shape)
    mean = (total / np.where(count > 0, count, np.nan)).astype(np.float32)
    for place in own.with_words:
        found[f"attributes.{own.names[place]}_affinity"] = mean[:, place]
    rare = np.bincount(row, weights=affinity * own.rarity.take(word), minlength=n)
    found["attributes.affinity"] = rare.astype(np.float32)
    return found


def _counted(
    asked: NDArray[np.intp], lists: Sequence[NDArray[np.intp]], words: int
) -> list[NDArray[np.int64]]:
    """Return how often each asked word, below `words`, is in each list; some are asked twice."""
    place = np.zeros(words, dtype=np.int32)  # of many words few are touched
    place[asked] = np.arange(1, len(asked) + 1, dtype=np.int32)
    of = place.take(asked)
    return [np.bincount(place.take(one), minlength=len(asked) + 1).take(of) for one in lists]
