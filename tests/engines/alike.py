"""A generated shop on both engines, and what they answer in a form that can be compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.data.item import parse_item
from search_rerank.engines.base import WRITTEN, Document, Engine, IndexSchema, Retrieve
from search_rerank.errors import EngineError
from search_rerank.query import Candidates
from tests.engines.conftest import OpenWith

WORDS = (
    "red blue green running walking shoes shirts boxes leather cotton light heavy runner's "
    "creams hair care shampoo dry oily skin lotion daily natural organic travel kit"
).split()
BRANDS = ("Nimbus", "Lumen", "Terra", "Crème & Co")
COLORS = ("red", "blue", "green", "sea green")
SCHEMA = IndexSchema(8, "random", ("color", "size", "sku"))
Rows = list[dict[str, Any]]


def rows(n: int, rng: np.random.Generator) -> Rows:
    """Return items of which each field but id and title is lacking now and then."""
    made: Rows = []
    for number in range(n):
        row: dict[str, Any] = {
            "id": f"i{number}",
            "title": " ".join(rng.choice(WORDS, 3 + number % 5)),
            "brand": str(rng.choice(BRANDS)),
            "category": [str(rng.choice(["Care", "Sport"])), str(rng.choice(WORDS))],
            "price": float(rng.integers(1, 100)),
            "rating": float(rng.integers(2, 11)) / 2,
            "rating_count": int(rng.integers(0, 9)),
            "in_stock": bool(rng.random() < 0.7),
            "currency": str(rng.choice(["EUR", "USD"])),
            "group_id": f"g{rng.integers(0, n // 4)}",
            "description": " ".join(rng.choice(WORDS, 20)),
            "attributes": {"color": str(rng.choice(COLORS)), "size": int(rng.integers(35, 47)),
                           "sku": f"SK-{number:03d}"},
        }  # fmt: skip
        optional = [name for name in row if name not in ("id", "title")]
        for name in optional:
            if rng.random() < 0.2:
                del row[name]
        made.append(row)
    return made


def vectors(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    found = rng.normal(size=(n, SCHEMA.dim)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


@dataclass(frozen=True)
class Pair:
    """The embedded engine and the one on a server, with the same items."""

    embedded: Engine
    elastic: Engine
    vectors: NDArray[np.float32]

    def both(self, request: Retrieve) -> tuple[Candidates, Candidates]:
        return self.embedded.retrieve(request), self.elastic.retrieve(request)

    def outcomes(self, request: Retrieve, *, listed: bool = True) -> tuple[Any, Any]:
        """Return what both answer, or why they refuse; `listed` compares the items too."""
        return _outcome(self.embedded, request, listed), _outcome(self.elastic, request, listed)


def pair(
    embedded: OpenWith,
    elastic: OpenWith,
    n: int,
    rng: np.random.Generator,
    config: RetrievalConfig | None = None,
) -> Pair:
    """Return both engines with n items, of which every seventh has no vector."""
    points = vectors(n, rng)
    documents = [
        Document(parse_item(row), points[i] if i % 7 else None, 1 + float(rng.random()))
        for i, row in enumerate(rows(n, rng))
    ]
    engines = [open_with(config or RetrievalConfig()) for open_with in (embedded, elastic)]
    for engine in engines:
        version = engine.create(SCHEMA)
        assert set(engine.write(version, documents)) == {WRITTEN}
        engine.seal(version)
        engine.promote(version)
    return Pair(engines[0], engines[1], points)


def counted(found: Candidates) -> dict[str, Any]:
    """Return all that is known of an answer beside its items."""
    return {
        "total": (found.total, found.total_exact),
        "facets": {name: list(values) for name, values in found.facets.items()},
        "statistics": {
            name: (s.count, s.least, s.greatest, round(s.mean, 6))
            for name, s in found.statistics.items()
        },
        "did_you_mean": found.did_you_mean,
        "degraded": list(found.degraded),
    }


def _outcome(engine: Engine, request: Retrieve, listed: bool) -> Any:
    try:
        found = engine.retrieve(request)
    except EngineError as error:
        return str(error)
    known = counted(found) | {"n": len(found)}
    if listed:
        known["ids"] = list(found.ids) if request.sort else sorted(found.ids)
    return known
