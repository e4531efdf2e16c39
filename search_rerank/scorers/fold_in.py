"""A shopper's factors from a history, under the logistic loss: one small convex problem."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 8
_CLOSE = 1e-4


def logistic(
    rows: NDArray[np.float32],
    offset: NDArray[np.float32],
    weight: NDArray[np.float32],
    positive: NDArray[np.bool_],
    reg: float,
) -> NDArray[np.float32]:
    """Return the vector u that minimises sum(w * softplus(-+(x.u + o))) + reg / 2 * |u|^2.

    Newton's method from 0; the loss is convex and each step is damped, so it does not diverge.

    Parameters
    ----------
    rows
        float32 (m, dim).
    offset, weight
        float32 (m,).
    positive
        bool (m,), whether x.u + o should be large (or small).
    reg
        Above 0.
    """
    X = rows.astype(np.float64)
    sign = np.where(positive, 1.0, -1.0)
    u = np.zeros(X.shape[1])
    for _ in range(_STEPS):
        margin = sign * (X @ u + offset)
        wrong = 1.0 / (1.0 + np.exp(np.clip(margin, -50, 50)))  # sigma(-margin)
        slope = reg * u - X.T @ (weight * sign * wrong)
        curve = (X * (weight * np.maximum(wrong * (1 - wrong), 1e-3))[:, None]).T @ X
        curve[np.diag_indices_from(curve)] += reg
        step = np.linalg.solve(curve, slope)
        size = float(np.linalg.norm(step))
        u -= step * min(1.0, 4.0 / max(size, 1e-12))
        if size < _CLOSE * (1.0 + float(np.linalg.norm(u))):
            break
    return u.astype(np.float32)
