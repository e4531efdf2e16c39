"""What comes next, by causal self-attention over the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.neural.extra import DEVICES, require_torch
from search_rerank.scorers.attention import Attention
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.numbers import inside

if TYPE_CHECKING:
    from search_rerank.neural.histories import Histories


@dataclass(frozen=True)
class Sequence(Fitted):
    """The cosine of an item and what a transformer expects after the history.

    SASRec (Kang and McAuley, 2018), trained as its successors are: on the cross-entropy of the next
    item at every place of every history ("Turning Dross Into Gold Loss", Klenitskiy and Vasilev,
    2023), in full or against a sample of items; `search_rerank.neural.sasrec` says how the model
    differs. Fitting needs torch, scoring does not. Interactions without weight are left out, the
    others count alike. A history without known items gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "sequence"
    dear: ClassVar[bool] = True
    dim: int = 128
    """Length of the vectors."""
    blocks: int = 1
    """Blocks of attention."""
    heads: int = 2
    """Heads of each block; divides `dim`."""
    length: int = 50
    """Newest items of a history that are looked at."""
    dropout: float = 0.5
    """Share of numbers set to 0 in training."""
    temperature: float = 0.07
    """Cosines are divided by it in training; lower learns finer differences."""
    negatives: int = 500
    """Items drawn for each batch to stand for all others; 0 takes all, which is exact and slow."""
    epochs: int = 20
    """Times that all histories are gone through, at most."""
    patience: int = 2
    """Epochs without gain on held-out last items that end the training; 0 trains all epochs."""
    held_out: int = 5000
    """Actors at most whose last item is held out to find the number of epochs."""
    batch: int = 128
    """Histories of a batch."""
    learning_rate: float = 0.001
    """Size of a step of AdamW."""
    reg: float = 0.0
    """Weight decay of AdamW."""
    device: str = "auto"
    """Where it is trained: `cpu`, `cuda`, or `auto` for a GPU where there is one."""
    seed: int = 0
    """Seed of the first weights, the batches, the negatives and the dropout."""
    gains: Mapping[str, float] = gains_option()
    """Interaction types with a strength above 0 count, all alike."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item had an event."""
    vectors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), unit rows; 0 for unknown items."""
    attention: NDArray[np.float32] = _fitted(np.float32, 0, 0, 0, 0)
    """float32 (blocks, 4, dim, dim): query, key, value, what joins the heads."""
    attention_bias: NDArray[np.float32] = _fitted(np.float32, 0, 0, 0)
    """float32 (blocks, 3, dim): of query, value, what joins the heads."""
    distance: NDArray[np.float32] = _fitted(np.float32, 0, 0, 0)
    """float32 (blocks, heads, length), added to the attention over so many items."""
    dense: NDArray[np.float32] = _fitted(np.float32, 0, 0, 0, 0)
    """float32 (blocks, 2, dim, dim)."""
    dense_bias: NDArray[np.float32] = _fitted(np.float32, 0, 0, 0)
    """float32 (blocks, 2, dim)."""
    norm: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (2 * blocks + 1, dim): of attention and dense part of each block, of the end."""
    norm_bias: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32, as `norm`."""

    def __post_init__(self) -> None:
        for name in ("dim", "blocks", "heads", "length", "epochs", "held_out", "batch"):
            require(getattr(self, name) >= 1, f"sequence: {name}", "1 or more", getattr(self, name))
        for name in ("negatives", "patience", "seed", "reg"):
            require(getattr(self, name) >= 0, f"sequence: {name}", "0 or more", getattr(self, name))
        for name in ("temperature", "learning_rate"):
            require(getattr(self, name) > 0, f"sequence: {name}", "above 0", getattr(self, name))
        fits = f"a number that divides dim = {self.dim}"
        require(self.dim % self.heads == 0, "sequence: heads", fits, self.heads)
        require(0 <= self.dropout < 1, "sequence: dropout", "0 or more and below 1", self.dropout)
        require(self.device in DEVICES, "sequence: device", ", ".join(DEVICES), self.device)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input, seed and threads give the same bytes.

        Raises
        ------
        MissingExtra
            Where torch is not installed.
        ConfigError
            When a GPU is asked for and there is none.
        """
        require_torch("the scorer sequence")
        from search_rerank.neural.histories import Histories

        histories = Histories.of(events, self.gains, now_ms=now_ms)
        known = histories.known(len(catalogue))
        if not known.any():
            return replace(self, known=known)
        number = (np.cumsum(known) - 1).astype(np.int32)
        arrays = self._learnt(Histories(number[histories.item], histories.starts), int(known.sum()))
        rows = arrays.pop("vectors")
        vectors = np.zeros((len(catalogue), self.dim), dtype=np.float32)
        vectors[known] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return replace(self, known=known, vectors=vectors, **arrays)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one cosine an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        if valid.any():
            scores[valid] = self.vectors[items[valid]] @ self.history_vector(history)
        return scores

    def item_vectors(self) -> NDArray[np.float32]:
        """Return unit vectors of the items, float32 (n_items, dim); 0 for unknown ones."""
        return self.vectors

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return what is expected next, float32 (dim,), of unit length.

        Its product with an item's vector is the item's score. NaN where the history has no known
        item.
        """
        usable = inside(history.items, self.known) & (history.weight > 0)
        past = history.items[usable][-self.length :]
        if len(past) == 0:
            return np.full(self.dim, np.nan, dtype=np.float32)
        weights = Attention(
            self.attention,
            self.attention_bias,
            self.distance,
            self.dense,
            self.dense_bias,
            self.norm,
            self.norm_bias,
        )
        return weights.expected(self.vectors[past] * np.float32(self.dim**0.5))

    def _learnt(self, histories: Histories, n_items: int) -> dict[str, Any]:
        from search_rerank.neural.checkpoints import fingerprint
        from search_rerank.neural.next_item import BETAS, NextItem
        from search_rerank.neural.sasrec import SasRec
        from search_rerank.neural.training import Recipe, fit

        def lesson(part: Histories) -> NextItem:
            return NextItem(
                new=lambda: SasRec(
                    n_items=n_items,
                    dim=self.dim,
                    blocks=self.blocks,
                    heads=self.heads,
                    length=self.length,
                    dropout=self.dropout,
                ),
                histories=part,
                n_items=n_items,
                length=self.length,
                batch=self.batch,
                negatives=self.negatives,
                temperature=self.temperature,
                held_out=held_out,
            )

        held_out = histories.last_held_out(self.held_out)
        recipe = Recipe(
            epochs=self.epochs,
            patience=self.patience,
            learning_rate=self.learning_rate,
            reg=self.reg,
            device=self.device,
            seed=self.seed,
            betas=BETAS,
        )
        data: Mapping[str, NDArray[np.generic]] = {
            "item": histories.item,
            "starts": histories.starts,
        }
        name = fingerprint(self.name, self.options(), data)
        return fit(name, recipe, lesson(histories), lesson(held_out.histories))
