"""Correction of p-values for being many: of a hundred idle differences five have p below 0.05."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError, nearest


def holm(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return p-values that bound the chance of even one false finding (Holm, 1979)."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found


def benjamini_hochberg(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return p-values that bound the share of false findings (Benjamini and Hochberg, 1995).

    The bound holds for independent tests and for those that lean the same way, as systems tested
    against one baseline do.
    """
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p, method="bh"), dtype=np.float64)


CORRECTIONS: Mapping[str, Callable[[NDArray[np.floating]], NDArray[np.float64]]] = {
    "holm": holm,
    "benjamini_hochberg": benjamini_hochberg,
    "none": lambda p: np.asarray(p, dtype=np.float64),
}
"""Name to correction."""


def corrected(p: Sequence[float], method: str = "holm") -> list[float]:
    """Return the p-values of one family of tests corrected, in their order.

    Raises
    ------
    ConfigError
        On a method that is none of `CORRECTIONS`.
    ValueError
        Where a p-value is NaN or outside 0 to 1.
    """
    if method not in CORRECTIONS:
        raise ConfigError(f"unknown correction {method!r}{nearest(method, CORRECTIONS)}")
    values = np.array(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"expected p-values from 0 to 1, found {values.tolist()}")
    return CORRECTIONS[method](values).tolist() if len(values) else []
