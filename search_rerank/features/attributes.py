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
from search_rerank.features.arrays import Column, constant
from search_rerank.features.moment import Moment

_PRIOR = 3.0
_SHOP_TOOK, _SHOP_LEFT = 1.0, 4.0
"""Items that every shopper is taken to have taken and left before the first."""


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
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
    asked, at = np.unique(word, return_inverse=True)
    liked, left_of = (_counted(own, items, asked) for items in (took, left))
    share = (len(took) + _SHOP_TOOK) / (len(took) + len(left) + _SHOP_TOOK + _SHOP_LEFT)
    affinity = ((liked + _PRIOR * share) / (liked + left_of + _PRIOR) - share)[at]
    owner = own.owner[word]
    for place in own.with_words:
        mine = owner == place
        count = np.bincount(row[mine], minlength=n)
        total = np.bincount(row[mine], weights=affinity[mine], minlength=n)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        found[f"attributes.{own.names[place]}_affinity"] = mean.astype(np.float32)
    rare = np.bincount(row, weights=affinity * own.rarity[word], minlength=n)
    found["attributes.affinity"] = rare.astype(np.float32)
    return found


def _counted(
    own: Properties, items: NDArray[np.int32], asked: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return how many of the items have each asked word, float64; `asked` ascends."""
    if len(asked) == 0:
        return np.zeros(0)
    _, word = own.of(items)
    at = np.minimum(np.searchsorted(asked, word), len(asked) - 1)
    return np.bincount(at[asked[at] == word], minlength=len(asked)).astype(np.float64)
