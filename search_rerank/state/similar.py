"""Which past queries are like a new one: by the letters of their words, typos and joined words too.

The pieces of a text are all runs of three characters of its letters and digits, written without
spaces between a mark for the start and one for the end: `halo 3`, `halo3` and `halo  3!` are alike,
and `asassins creed` has most pieces of `assassin's creed`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.arrays import pack_texts, unpack_texts
from search_rerank.state.copies import copied, paged
from search_rerank.state.fading import grown

MAX_SIMILAR = 100
"""Past queries that have a say at most."""
_PIECE = 3
_MAX_CHARACTERS = 80
"""What comes later in a text is not looked at."""
_MAX_LOOKED_AT = 50_000
"""Entries of the index that are looked at for one text; the commonest pieces, which tell least,
go without."""
_LEAST = 0.15
"""A query that is less similar has no say."""
_ONE = float(1 << 20)
"""More than all pieces of a text weigh."""


def pieces(text: str) -> list[str]:
    """Return the different pieces of a text, in their order; none where it has no letter."""
    kept = "".join(filter(str.isalnum, text[:_MAX_CHARACTERS].casefold()))
    if not kept:
        return []
    marked = f"^{kept}$"
    return list(
        dict.fromkeys(marked[n : n + _PIECE] for n in range(max(len(marked) - _PIECE, 0) + 1))
    )


class SimilarTexts:
    """An index from pieces to texts.

    The similarity of a text q to a past one p is the geometric mean of two shares: how much of q's
    pieces p has, each weighing log(1 + texts / texts with it), and how many of p's pieces q has.
    It is 1 for the same letters, and nothing of it is stored: what is common is told at the moment.

    Parameters
    ----------
    texts
        The first ones, numbered from 0.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._with: dict[str, array[int]] = {}
        self._sizes = np.zeros(0, dtype=np.int32)
        self._texts = 0
        self._removed = 0
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return self._texts - self._removed

    def add(self, text: str) -> None:
        """Give a text that is not held yet the next number."""
        own = pieces(text)
        for piece in own:
            self._with.setdefault(piece, array("i")).append(self._texts)
        self._sizes = grown(self._sizes, self._texts + 1)
        self._sizes[self._texts] = len(own)
        self._texts += 1

    def remove(self, number: int, text: str) -> None:
        """Drop a text; its number is not used again."""
        for piece in pieces(text):
            held = self._with[piece]
            held.remove(number)
            if not held:
                del self._with[piece]
        self._removed += 1

    def keep(self, kept: NDArray[np.int64]) -> None:
        """Keep some texts, which are numbered from 0 in this order, and drop all others."""
        self.restore(self.arrays(kept))

    def arrays(self, kept: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the index of some texts, numbered from 0 in this order."""
        number = np.full(self._texts, -1, dtype=np.int32)
        number[kept] = np.arange(len(kept), dtype=np.int32)
        entries, end = paged((sum(map(len, self._with.values())),), np.int32), 0
        lengths = np.zeros(len(self._with), dtype=np.int32)
        for n, held in enumerate(self._with.values()):
            own = number.take(np.frombuffer(held, dtype=np.int32))
            if self._texts > len(kept):
                own = own[own >= 0]
            entries[end : end + len(own)] = own
            lengths[n] = len(own)
            end += len(own)
        texts = [text for text, n in zip(self._with, lengths.tolist(), strict=True) if n]
        blob, length = pack_texts(texts)
        return {
            "piece_text": blob,
            "piece_length": length,
            "with": lengths[lengths > 0],
            "entries": entries[:end],
            "sizes": copied(self._sizes, kept),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `arrays` returned."""
        held = np.split(arrays["entries"], np.cumsum(arrays["with"])[:-1])
        texts = unpack_texts(arrays["piece_text"], arrays["piece_length"])
        self._with = {
            text: array("i", one.tobytes()) for text, one in zip(texts, held, strict=False)
        }
        self._sizes = arrays["sizes"]
        self._texts, self._removed = len(self._sizes), 0

    def like(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the numbers of the most similar texts and how similar they are, int64 and float64.

        At most `MAX_SIMILAR`, by falling similarity; of equal ones the oldest first.
        """
        own = pieces(text)
        held = sorted(filter(None, map(self._with.get, own)), key=len)
        if not held:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        never_met = len(own) - len(held)
        lengths = np.array([len(one) for one in held], dtype=np.int64)
        looked_at = int(lengths.cumsum().searchsorted(_MAX_LOOKED_AT, "right"))
        held = held[: max(looked_at, 1)]
        lengths = lengths[: len(held)]
        weights = np.log1p(len(self) / lengths)
        total = weights.sum() + never_met * np.log1p(len(self))
        entries = np.concatenate([np.frombuffer(one, dtype=np.int32) for one in held])
        # One pass gives both shares: each entry counts as _ONE in what is otherwise its weight.
        both = np.bincount(entries, weights=(weights + _ONE).repeat(lengths))
        least = _LEAST**2 * total
        number = (both >= _ONE + least).nonzero()[0]  # of its own pieces it may have them all
        common = np.floor(both[number] / _ONE)
        square = (both[number] - common * _ONE) * common / self._sizes[number]
        enough = (square >= least).nonzero()[0]
        if len(enough) > MAX_SIMILAR:
            worst = np.partition(square[enough], -MAX_SIMILAR)[-MAX_SIMILAR]
            enough = enough[square[enough] >= worst]
        best = enough[np.lexsort((number[enough], -square[enough]))][:MAX_SIMILAR]
        return number[best], np.sqrt(square[best] / total)
