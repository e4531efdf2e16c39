"""What scorers have in common that learn to find part of a history from the rest of it, pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.neural.extra import DEVICES
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.numbers import profile

if TYPE_CHECKING:
    from search_rerank.neural.cf import Towers
    from search_rerank.neural.mf import PooledMf


@dataclass(frozen=True)
class Pooling(Fitted):
    """How a pooled history is learnt; fitting needs the extra `torch`, scoring does not."""

    dear: ClassVar[bool] = True
    dim: int = 64
    """Length of the vectors of a history's items and of the items to be found."""
    epochs: int = 15
    """Times that each history is seen, at most."""
    patience: int = 3
    """Epochs without a better held-out nDCG@20 after which fitting stops; 0 sees all epochs."""
    learning_rate: float = 0.01
    """First size of a step of AdamW, which shrinks to nothing over the epochs."""
    reg: float = 0.0
    """Decay of the weights, in fitting."""
    batch: int = 128
    """Histories in a step."""
    negatives: int = 1024
    """Items drawn for each step beside those that its histories ask for; 0 takes every item."""
    popularity: float = 0.0
    """The bias begins as the logarithm of an item's number of interactions, times this."""
    ordered: bool = True
    """Whether what is asked for comes after what is given; `false` for logs without an order."""
    decay: float = 0.8
    """Weight of a history's item against the one after it, in fitting and at request time."""
    device: str = "auto"
    """Where it is fitted: `cpu`, `cuda`, or `auto` for a GPU where there is one."""
    seed: int = 0
    """Seed of the start, the parts and the draws."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; in fitting those above 0 count alike."""

    def __post_init__(self) -> None:
        for option in ("dim", "epochs", "batch"):
            self._require(option, getattr(self, option) >= 1, "1 or more")
        for option in ("patience", "reg", "negatives", "popularity", "seed"):
            self._require(option, getattr(self, option) >= 0, "0 or more")
        self._require("learning_rate", self.learning_rate > 0, "above 0")
        self._require("decay", 0 < self.decay <= 1, "above 0 and at most 1")
        self._require("device", self.device in DEVICES, f"one of {', '.join(DEVICES)}")

    def _require(self, option: str, holds: bool, expected: str) -> None:
        require(holds, f"{self.name}: {option}", expected, getattr(self, option))

    def learn(
        self,
        make: Callable[[PooledMf], PooledMf | Towers],
        events: Events,
        n_items: int,
        now_ms: int,
    ) -> tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]:
        """Return which items occurred, bool (n_items,), and the weights of a model, none if none.

        Parameters
        ----------
        make
            Returns a model, given the factorisation that it is or has a part of.
        events, n_items, now_ms
            The log, the catalogue's length, and the time before which events count.
        """
        from search_rerank.neural.checkpoints import fingerprint
        from search_rerank.neural.histories import Histories
        from search_rerank.neural.mf import PooledMf
        from search_rerank.neural.pooled import Exercise, learn
        from search_rerank.neural.spectral import spectral
        from search_rerank.neural.training import Recipe

        histories = Histories.of(events, self.gains, now_ms=now_ms)
        count = np.bincount(histories.item, minlength=n_items)
        known = count > 0
        if not known.any():
            return known, {}
        bias = np.float32(self.popularity) * np.log(np.maximum(count, 1)).astype(np.float32)

        def first(given: Histories) -> PooledMf:
            return PooledMf(*spectral(given, n_items, self.dim, self.seed), bias)

        log: dict[str, NDArray[Any]] = {"item": histories.item, "starts": histories.starts}
        weights = learn(
            fingerprint(self.name, self.options(), log),
            Recipe(
                self.epochs,
                self.patience,
                self.learning_rate,
                self.reg,
                self.device,
                self.seed,
                anneal=True,
            ),
            lambda given: make(first(given)),
            histories,
            n_items,
            Exercise(self.batch, self.negatives, self.decay, self.ordered),
        )
        return known, weights


def pool(
    history: History, known: NDArray[np.bool_], rows: NDArray[np.float32], decay: float
) -> NDArray[np.float32]:
    """Return the weighted sum of the rows of a history's items, float32 (dim,).

    NaN where it has no known item; `rows` is float32 (n_items, dim).
    """
    past, weight = profile(history, known, decay)
    if len(past) == 0:
        return np.full(rows.shape[1], np.nan, dtype=np.float32)
    summed: NDArray[np.float32] = weight @ rows[past]
    return summed


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of length 1 along the last axis; what is 0 stays 0, NaN stays NaN."""
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    scaled: NDArray[np.float32] = rows / np.maximum(length, np.float32(1e-12))
    return scaled
