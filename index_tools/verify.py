"""Whether a version holds what was written to it, looked at before anyone searches it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from search_rerank.data.item import Item
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Stored
from search_rerank.errors import EngineError
from search_rerank.query import Query
from search_rerank.retriever import Retriever

SAMPLE = 50
"""Items looked up."""
PROBES = 10
"""Of these, how many are searched by their titles."""
FIRST = 10
"""Where a title must find its item."""
_TOLERANCE = 1e-3
_MAX_SHOWN = 5


class VerificationError(EngineError):
    """A version does not hold what was written to it; the live one was left alone."""


class Sample:
    """An even sample of a stream of unknown length (algorithm R; Vitter, 1985)."""

    def __init__(self, rng: np.random.Generator, size: int = SAMPLE) -> None:
        self._rng = rng
        self._size = size
        self.items: list[Item] = []

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on and keep some."""
        for n, item in enumerate(items):
            if n < self._size:
                self.items.append(item)
            elif (place := int(self._rng.integers(n + 1))) < self._size:
                self.items[place] = item
            yield item


def verify(
    engine: Engine, encoder: Encoder, version: str, written: int, sample: Sequence[Item]
) -> None:
    """Check the count, look the sampled items up, and search some of them by their titles.

    A title must find its item in the first 10, unless the engine itself scores ten others at
    least as high (a hundred products called `Soap`).

    Raises
    ------
    VerificationError
        Saying all that differed.
    """
    wrong = []
    if (count := engine.count(version)) != written:
        wrong.append(f"{written:,} items were written, it holds {count:,}")
    found = engine.lookup([item.id for item in sample], version)
    vectors = encoder.encode([item.text() for item in sample])
    for item, stored, vector in zip(sample, found, vectors, strict=True):
        difference = _difference(item, stored, vector if vector.any() else None)
        if difference is not None:
            wrong.append(f"item {item.id!r} {difference}")
    retriever = Retriever(engine, encoder, version)
    probes = [item for item in sample if re.search(r"\w", item.title)][:PROBES]
    wrong += [
        f"item {item.id!r} is not among the first {FIRST} for its title {item.title!r:.80}"
        for item in probes
        if not _finds(retriever, item)
    ]
    if wrong:
        more = f"; and {len(wrong) - _MAX_SHOWN} more" if len(wrong) > _MAX_SHOWN else ""
        raise VerificationError(
            f"{version} does not hold what was written to it: {'; '.join(wrong[:_MAX_SHOWN])}{more}"
        )


def _difference(
    item: Item, stored: Stored | None, vector: np.ndarray[tuple[int], np.dtype[np.float32]] | None
) -> str | None:
    if stored is None:
        return "is missing"
    if stored.content_hash != item.content_hash() or stored.item != item:
        return "has another content"
    if (stored.vector is None) != (vector is None):
        return f"is {'without' if stored.vector is None else 'with'} a vector"
    if stored.vector is None or vector is None:
        return None
    if stored.vector.shape != vector.shape:
        return f"has a vector of {len(stored.vector)} numbers, the encoder makes {len(vector)}"
    return None if np.allclose(stored.vector, vector, atol=_TOLERANCE) else "has another vector"


def _finds(retriever: Retriever, item: Item) -> bool:
    request = retriever.request(Query(text=item.title, k=FIRST), FIRST)
    found = retriever.retrieve(request)
    if item.id in found.ids:
        return True
    own = retriever.score(request, [item.id])
    return len(own) == 1 and len(found) == FIRST and bool(own.score[0] <= found.score[-1] + 1e-6)
