"""The same items and queries on both engines: the same answers."""

import numpy as np
import pytest

from search_rerank.data.item import parse_item
from search_rerank.engines.base import WRITTEN, Document, IndexSchema, Retrieve
from search_rerank.query import Filters, Range, value_facets
from tests.engines.conftest import Open

WORDS = (
    "red blue green running walking shoes shirts boxes leather cotton light heavy runner's "
    "creams hair care shampoo dry oily skin lotion daily natural organic travel kit"
).split()


@pytest.mark.elasticsearch
def test_both_engines_answer_alike(embedded: Open, elastic: Open) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(400, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    documents = [
        Document(
            parse_item(
                {
                    "id": f"i{n}",
                    "title": " ".join(rng.choice(WORDS, 3 + n % 5)),
                    "brand": str(rng.choice(["Nimbus", "Lumen", "Terra"])),
                    "category": [str(rng.choice(["Care", "Sport"])), str(rng.choice(WORDS))],
                    "price": float(rng.integers(1, 100)),
                    **({"description": " ".join(rng.choice(WORDS, 20))} if n % 3 else {}),
                }
            ),
            vectors[n] if n % 7 else None,
            1 + float(rng.random()),
        )
        for n in range(400)
    ]
    engines = [embedded(), elastic()]
    for engine in engines:
        version = engine.create(IndexSchema(8, "random"))
        assert set(engine.write(version, documents)) == {WRITTEN}
        engine.seal(version)
        engine.promote(version)
    overlap = []
    for n in range(40):
        text = " ".join(rng.choice(WORDS, n % 4))
        vector = None if n % 5 == 0 else vectors[n + 1]
        filters = Filters(ranges={"price": Range(gte=30)}) if n % 3 == 0 else Filters()
        request = Retrieve(text, vector, filters, value_facets("brand", "category"), 50)
        one, other = (engine.retrieve(request) for engine in engines)
        assert one.total == other.total
        assert {k: list(v) for k, v in one.facets.items()} == {
            k: list(v) for k, v in other.facets.items()
        }
        assert len(one) == len(other)
        overlap.append(len(set(one.ids[:10]) & set(other.ids[:10])) / max(1, len(one.ids[:10])))
        shared = dict(zip(other.ids, other.lexical.tolist(), strict=True))
        pairs = [
            (a, shared[id_])
            for id_, a in zip(one.ids, one.lexical.tolist(), strict=True)
            if id_ in shared
        ]
        np.testing.assert_allclose(*zip(*pairs, strict=True), rtol=0.15, atol=0.05)
    assert np.mean(overlap) >= 0.9
