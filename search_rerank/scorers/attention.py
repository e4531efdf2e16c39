"""The forward pass of `sequence` for one history, without torch: only what its end needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_EPSILON = np.float32(1e-5)


@dataclass(frozen=True)
class Attention:
    """Weights of the blocks; `search_rerank.scorers.sequence.Sequence` says their shapes."""

    attention: Floats
    attention_bias: Floats
    distance: Floats
    dense: Floats
    dense_bias: Floats
    norm: Floats
    norm_bias: Floats

    def expected(self, x: Floats) -> Floats:
        """Return what is expected after the last of some items, float32 (dim,), of unit length.

        Parameters
        ----------
        x
            float32 (t, dim), the items' vectors as they go in, oldest first; t is 1 or more.
        """
        last = len(self.attention) - 1
        for block in range(last):
            x = x + self._attend(block, self._normed(2 * block, x))
            x = x + self._think(block, self._normed(2 * block + 1, x))
        # Of the last block nothing is needed but its last place.
        end: Floats = x[-1] + self._attend_at_end(last, self._normed(2 * last, x))
        end = end + self._think(last, self._normed(2 * last + 1, end))
        end = self._normed(2 * last + 2, end)
        unit: Floats = end / np.maximum(np.linalg.norm(end), np.float32(1e-12))
        return unit

    def _attend(self, block: int, x: Floats) -> Floats:
        query, key, value, join = self.attention[block]
        query_bias, value_bias, join_bias = self.attention_bias[block]
        t, dim = x.shape
        heads = self.distance.shape[1]

        def split(y: Floats) -> Floats:
            return y.reshape(t, heads, dim // heads).transpose(1, 0, 2)  # (heads, t, dim / heads)

        place = np.arange(t)
        away = place[:, None] - place  # (t, t)
        scores = split(x @ query + query_bias) @ split(x @ key).transpose(0, 2, 1)
        scores *= np.float32((dim // heads) ** -0.5)
        scores += self.distance[block][:, np.maximum(away, 0)]
        scores[:, away < 0] = -np.inf
        found = _softmax(scores) @ split(x @ value)  # (heads, t, dim / heads)
        joined: Floats = (found.transpose(1, 0, 2).reshape(t, dim) + value_bias) @ join + join_bias
        return joined

    def _attend_at_end(self, block: int, x: Floats) -> Floats:
        query, key, value, join = self.attention[block]
        query_bias, value_bias, join_bias = self.attention_bias[block]
        t, dim = x.shape
        heads = self.distance.shape[1]
        # Keys and values of all places are never made: the query goes through the keys' matrix
        # instead, and the mean of the places through the values'.
        asked = (x[-1] @ query + query_bias).reshape(heads, 1, -1)  # (heads, 1, dim / heads)
        asked = asked @ key.T.reshape(heads, -1, dim)  # (heads, 1, dim)
        scores = asked[:, 0] @ x.T * np.float32((dim // heads) ** -0.5)  # (heads, t)
        scores += self.distance[block][:, t - 1 :: -1] if t > 1 else self.distance[block][:, :1]
        mean = _softmax(scores) @ x  # (heads, dim)
        found = mean[:, None] @ value.reshape(dim, heads, -1).transpose(1, 0, 2)
        joined: Floats = (found.reshape(dim) + value_bias) @ join + join_bias
        return joined

    def _think(self, block: int, x: Floats) -> Floats:
        first, second = self.dense[block]
        first_bias, second_bias = self.dense_bias[block]
        found: Floats = np.maximum(x @ first + first_bias, 0) @ second + second_bias
        return found

    def _normed(self, which: int, x: Floats) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.einsum("...d,...d->...", centred, centred)[..., None] / x.shape[-1]
        scaled: Floats = centred / np.sqrt(spread + _EPSILON)
        scaled *= self.norm[which]
        scaled += self.norm_bias[which]
        return scaled


def _softmax(scores: Floats) -> Floats:
    weight: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    return weight
