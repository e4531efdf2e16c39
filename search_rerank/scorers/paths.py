"""Category paths as numbers, and where a catalogue parts into departments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue


def paths_of(catalogue: Catalogue) -> NDArray[np.int32]:
    """Return each category's number at each level, int32 (n_categories, depth).

    Past its own depth a path goes on with the category itself.
    """
    levels = catalogue.category
    n = len(catalogue.categories)
    paths = np.repeat(np.arange(n, dtype=np.int32)[:, None], levels.shape[1], axis=1)
    for depth in range(levels.shape[1]):
        has = levels[:, depth] >= 0
        paths[levels[has, depth], :depth] = levels[has, :depth]
    return paths


def departments(paths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return each path's category at the first level that has several, int32 (c,)."""
    several = (level for level in paths.T if len(np.unique(level)) > 1)
    return next(several, np.zeros(len(paths), dtype=np.int32)).copy()
