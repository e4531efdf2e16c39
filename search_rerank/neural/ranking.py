"""How good a model ranks what actors did next, all items against it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from search_rerank.neural.histories import HeldOut

K = 10
_ROWS = 256


def ndcg(held_out: HeldOut, length: int, scores: Callable[[Tensor], Tensor]) -> float:
    """Return the mean nDCG@10 of each held-out item among those not had before.

    Parameters
    ----------
    held_out
        Whose next item is asked for.
    length
        Items of a history that are shown, the newest.
    scores
        From int64 (n, length), newest last and below 0 before the first, to (n, n_items).

    Returns
    -------
    NaN where nobody is asked.
    """
    gains = []
    histories = held_out.histories
    for start in range(0, len(held_out.actors), _ROWS):
        actors = held_out.actors[start : start + _ROWS]
        target = torch.from_numpy(held_out.target[start : start + _ROWS].astype(np.int64))
        shown = histories.padded(actors, length).astype(np.int64)
        values = scores(torch.from_numpy(shown)).cpu()  # (n, n_items)
        right = values.gather(1, target[:, None])  # (n, 1)
        lengths = histories.lengths()[actors]
        had = histories.padded(actors, int(lengths.max()))
        row, _ = np.nonzero(had >= 0)
        values[torch.from_numpy(row), torch.from_numpy(had[had >= 0].astype(np.int64))] = -torch.inf
        rank = (values > right).sum(dim=1) + 1
        gains.append(torch.where(rank <= K, 1 / torch.log2(rank + 1.0), 0.0))
    return float(torch.cat(gains).mean()) if gains else float("nan")
