"""A cross-encoder for those who have the extra: query and text read together, one score a pair."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import MissingExtra

_BATCH = 32


class CrossEncoder:
    """A sentence-transformers cross-encoder (Nogueira and Cho, 2019).

    It reads the words of query and item together, which is dearer by far than two vectors and
    their product, and tells more of how they fit: for few candidates.

    Parameters
    ----------
    model
        Name at the model hub, or a folder.

    Raises
    ------
    MissingExtra
        Where sentence-transformers is not installed.
    """

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import CrossEncoder as Model
        except ModuleNotFoundError:
            raise MissingExtra("the cross-encoder", "transformers") from None
        self._model: Any = Model(model)

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers the query, float32 (n,), higher is better."""
        if not texts:
            return np.zeros(0, dtype=np.float32)
        pairs = [(query, text) for text in texts]
        scores = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        return np.asarray(scores, dtype=np.float32)


@lru_cache(maxsize=2)
def load_cross_encoder(model: str) -> CrossEncoder:
    """Return the cross-encoder of a name or folder, loaded once a process."""
    return CrossEncoder(model)
