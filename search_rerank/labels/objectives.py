"""What an item that was taken is worth to the shop: relevance, margin, stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.errors import ConfigError, nearest

RELEVANCE = "relevance"
STOCK = "in_stock"
_FIELDS = ("price", "rating")
_BOUNDS = (5.0, 95.0)
"""Percentiles of the catalogue at which an objective is worth nothing and all."""


def worth(items: Sequence[Item], weights: Mapping[str, float]) -> NDArray[np.float32] | None:
    """Return the factor on the gain of each item that was taken, float32 (n,), 0 to 1.

    The weighted mean of what the objectives say of the item, ``sum(w * v) / sum(w)``: 1 for the
    relevance, which the gain itself tells; for `in_stock` 1, or 0 where it is known to be out of
    stock; for a number its place between the 5th and the 95th percentile of the catalogue, 0 to 1,
    and for an item that lacks the number the mean of the others. With relevance 1 and margin 0.5 a
    click on the item of the highest margin counts 1 and on that of the lowest 2/3. So a label is
    never above the gain, and what nobody took stays 0.

    Parameters
    ----------
    items
        The catalogue, in order.
    weights
        Objective to weight; `relevance`, `in_stock`, `price`, `rating` or an attribute.

    Returns
    -------
    NDArray or None
        None where relevance is all that counts.

    Raises
    ------
    ConfigError
        For an objective that is a number of no item, naming the nearest that is.
    """
    counted = {name: weight for name, weight in weights.items() if weight > 0}
    if set(counted) <= {RELEVANCE}:
        return None
    total = sum(counted.values())
    found = np.zeros(len(items))
    for name, weight in counted.items():
        found += weight / total * _values(items, name)
    return found.astype(np.float32)


def _values(items: Sequence[Item], name: str) -> NDArray[np.float64]:
    if name == RELEVANCE:
        return np.ones(len(items))
    if name == STOCK:
        return np.array([item.in_stock is not False for item in items], dtype=np.float64)
    numbers = np.array([_number(item, name) for item in items])
    known = np.isfinite(numbers)
    if not known.any():
        others = {RELEVANCE, STOCK, *_FIELDS}
        others |= {
            key for item in items for key in item.attributes if np.isfinite(_number(item, key))
        }
        raise ConfigError(
            f"labels.objectives: expected {name!r} to be a number of some item, found none"
            f"{nearest(name, others)}"
        )
    low, high = np.percentile(numbers[known], _BOUNDS)
    if high > low:
        scaled = np.clip((numbers - low) / (high - low), 0.0, 1.0)
    else:
        scaled = np.where(known, 0.5, np.nan)  # no item is worth more than another
    return np.asarray(np.where(known, scaled, scaled[known].mean()))


def _number(item: Item, name: str) -> float:
    value = getattr(item, name) if name in _FIELDS else item.attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    return float(value)
