"""What an item's chosen attributes say: numbers themselves, words by the shopper's affinity.

The affinity to a word is the share of the items with it that the shopper took, of those with it
that they took or were shown and left: drawn to the shopper's share over all items with the weight
of `_PRIOR` items, and less that share. So 0 is neither liking nor dislike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.properties import Properties
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
    row, word = own.of(moment.items)
    affinity = _affinities(own, took, left)
    value, cell = affinity[word], row * len(own.names) + own.owner[word]
    shape = (n, len(own.names))
    count = np.bincount(cell, minlength=n * len(own.names)).reshape(shape)
    total = np.bincount(cell, value, minlength=n * len(own.names)).reshape(shape)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    for place in own.with_words:
        found[f"attributes.{own.names[place]}_affinity"] = mean[:, place]
    rare = np.bincount(row, weights=value * own.rarity[word], minlength=n)
    found["attributes.affinity"] = rare.astype(np.float32)
    return found


def _affinities(
    own: Properties, took: NDArray[np.int32], left: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return the affinity to each word, float64 (w,), by the items that were taken and left."""
    share = (len(took) + _SHOP_TOOK) / (len(took) + len(left) + _SHOP_TOOK + _SHOP_LEFT)
    liked, left_of = (
        np.bincount(own.of(items)[1], minlength=len(own.words)) for items in (took, left)
    )
    return (liked + _PRIOR * share) / (liked + left_of + _PRIOR) - share
