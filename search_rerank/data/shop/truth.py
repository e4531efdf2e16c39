"""What the demo shop's log was made of, so that tests can check what models recover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError


@dataclass(frozen=True)
class Truth:
    """Hidden columns of a generated shop.

    Parameters
    ----------
    item_ids, user_ids
        str (n,) in catalogue order, str (u,).
    quality
        float64 (n,), worth of each item to anybody.
    utilities
        float32 (u, n), worth of each item to each shopper, the slow trend left out.
    examination
        float64 (places,), chance that the item at each place is looked at.
    brand_taste
        float64 (u, brands), what each brand of `brands` adds to utility.
    brands
        str (brands,).
    item_first_ms, user_first_ms
        int64 (n,) and (u,), unix milliseconds before which nothing can have happened.
    opposites
        str (3,): two shoppers with opposite tastes and rich histories, and a broad query.
    """

    item_ids: NDArray[np.str_]
    user_ids: NDArray[np.str_]
    quality: NDArray[np.float64]
    utilities: NDArray[np.float32]
    examination: NDArray[np.float64]
    brand_taste: NDArray[np.float64]
    brands: NDArray[np.str_]
    item_first_ms: NDArray[np.int64]
    user_first_ms: NDArray[np.int64]
    opposites: NDArray[np.str_]

    def utility(self, user: str, items: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return the worth of items to a shopper, float32 (n,).

        Parameters
        ----------
        items
            Ids; None for the whole catalogue in its order.

        Raises
        ------
        DataError
            Where the shopper or an item is not of this shop.
        """
        row: NDArray[np.float32] = self.utilities[_place(self.user_ids, user, "shopper")]
        if items is None:
            return row
        return np.asarray(row[[_place(self.item_ids, item, "item") for item in items]])

    def save(self, path: Path) -> None:
        """Write the columns as `.npz`."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def load_truth(path: Path) -> Truth:
    """Read what `Truth.save` wrote.

    Raises
    ------
    DataError
        Where the file is missing or not such a file.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: expected the truth of a generated shop, found nothing there: "
            "write one with `search-rerank shop FOLDER`"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Truth(**{field.name: arrays[field.name] for field in fields(Truth)})
    except (KeyError, OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected the truth of a generated shop, found {error}: write it again"
        ) from None


def _place(ids: NDArray[np.str_], wanted: str, what: str) -> int:
    """Return the place of an id; ids are numbered in sorted order."""
    place = int(np.searchsorted(ids, wanted))
    if place >= len(ids) or ids[place] != wanted:
        raise DataError(
            f"expected one of this shop's {what}s, found {wanted!r}: see the truth's ids"
        )
    return place
