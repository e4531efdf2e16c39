"""The same items and queries on both engines: the same answers."""

import numpy as np
import pytest

from search_rerank.config import RetrievalConfig
from search_rerank.data.item import parse_item
from search_rerank.engines.base import Document, IndexSchema, Retrieve
from search_rerank.query import Facet, Filters, Range, Sort, value_facets
from tests.engines.alike import WORDS, Pair, counted, pair
from tests.engines.conftest import Open, OpenWith

N = 400
FACETS = (
    Facet("brand"),
    Facet("category", own_filter=True),
    Facet("attributes.color", size=2),
    Facet("price", "ranges", (Range(lte=20), Range(20, 60), Range(60), Range())),
    Facet("price", "statistics"),
    Facet("attributes.size", "statistics"),
)
FILTERS = (
    Filters(),
    Filters(ranges={"price": Range(gte=30)}),
    Filters(terms={"brand": ("Nimbus", "Crème & Co"), "category": ("Care",)}),
    Filters(terms={"attributes.color": ("sea green",)}, ranges={"price": Range(10, 70)}),
    Filters(any_of=(Filters(terms={"brand": ("Lumen",)}), Filters(ranges={"rating": Range(4)})),
            none_of=(Filters(terms={"in_stock": ("false",)}),)),
)  # fmt: skip
SORTS = (
    (Sort("price"),),
    (Sort("rating", descending=True), Sort("rating_count")),
    (Sort("attributes.size", descending=True),),
)


def phrases(n: int, rng: np.random.Generator) -> list[str]:
    """Return texts of no word to three."""
    return [" ".join(rng.choice(WORDS, i % 4)) for i in range(n)]


@pytest.fixture
def shop(embedded_with: OpenWith, elastic_with: OpenWith) -> Pair:
    return pair(embedded_with, elastic_with, N, np.random.default_rng(7))


@pytest.mark.elasticsearch
@pytest.mark.parametrize("vector_weight", [0.1, 3.0])
def test_both_engines_answer_alike(
    embedded_with: OpenWith, elastic_with: OpenWith, vector_weight: float
) -> None:
    """With more weight on vectors, most of the answer is what only the vector search lists."""
    config = RetrievalConfig(vector_weight=vector_weight)
    shop = pair(embedded_with, elastic_with, N, np.random.default_rng(7), config)
    rng = np.random.default_rng(8)
    overlap = []
    for n, text in enumerate(phrases(40, rng)):
        vector = None if n % 5 == 0 else shop.vectors[n + 1]
        facets = value_facets("brand", "category")
        one, other = shop.both(Retrieve(text, vector, FILTERS[n % 2], facets, 50))
        assert counted(one) == counted(other)
        assert len(one) == len(other)
        overlap.append(len(set(one.ids[:10]) & set(other.ids[:10])) / max(1, len(one.ids[:10])))
        lexical = dict(zip(other.ids, other.lexical.tolist(), strict=True))
        cosine = dict(zip(other.ids, other.vector.tolist(), strict=True))
        pairs = [
            (score, lexical[id_])
            for id_, score in zip(one.ids, one.lexical.tolist(), strict=True)
            if id_ in lexical
        ]
        np.testing.assert_allclose(*zip(*pairs, strict=True), rtol=0.15, atol=0.05)
        near = [
            (score, cosine[id_])
            for id_, score in zip(one.ids, one.vector.tolist(), strict=True)
            if id_ in cosine
        ]
        np.testing.assert_allclose(*zip(*near, strict=True), atol=1e-5)
    assert np.mean(overlap) >= 0.9


@pytest.mark.elasticsearch
def test_filters_and_facets_of_all_kinds(shop: Pair) -> None:
    for n, text in enumerate(phrases(40, np.random.default_rng(9))):
        request = Retrieve(
            text,
            shop.vectors[n + 1] if n % 3 else None,
            FILTERS[n % len(FILTERS)],
            FACETS,
            2 * N,
            collapse=n % 4 == 3,
            every_word=n % 5 == 4,
        )
        one, other = shop.outcomes(request, listed=not request.collapse)
        assert one == other, request


@pytest.mark.elasticsearch
def test_orders_and_variants(shop: Pair) -> None:
    for n, text in enumerate(phrases(40, np.random.default_rng(10))):
        request = Retrieve(
            text,
            None,
            FILTERS[n % len(FILTERS)],
            k=1 + 7 * n,
            sort=SORTS[n % len(SORTS)],
            collapse=n % 2 == 1,
            every_word=n % 5 == 4,
        )
        one, other = shop.outcomes(request)
        assert one == other, request


@pytest.mark.elasticsearch
@pytest.mark.parametrize("fusion", ["scores", "ranks"])
def test_variants_of_the_first_ten(
    embedded_with: OpenWith, elastic_with: OpenWith, fusion: str
) -> None:
    config = RetrievalConfig(fusion=fusion)
    shop = pair(embedded_with, elastic_with, N, np.random.default_rng(7), config)
    overlap = []
    for n, text in enumerate(phrases(30, np.random.default_rng(11))):
        request = Retrieve(text, shop.vectors[n + 1], k=30, collapse=True)
        one, other = shop.both(request)
        assert counted(one) == counted(other)
        assert len(one) == len(other)
        overlap.append(len(set(one.ids[:10]) & set(other.ids[:10])) / max(1, len(one.ids[:10])))
    assert np.mean(overlap) >= 0.9


@pytest.mark.elasticsearch
def test_a_whole_title_stands_for_its_variants(embedded: Open, elastic: Open) -> None:
    """The other variant is the better word hit by far, and is not shown beside the exact one."""
    titles = {"exact": "Cup", "boosted": "Cup in blue"}
    items = [parse_item({"id": i, "title": t, "group_id": "g"}) for i, t in titles.items()]
    for engine in (embedded(), elastic()):
        version = engine.create(IndexSchema(0, ""))
        engine.write(version, [Document(items[0]), Document(items[1], None, 9.0)])
        engine.seal(version)
        assert engine.retrieve(Retrieve("cup"), version).ids == ["exact", "boosted"]
        assert engine.retrieve(Retrieve("cup", collapse=True), version).ids == ["exact"]


@pytest.mark.elasticsearch
def test_help_for_who_types(shop: Pair) -> None:
    rng = np.random.default_rng(12)
    ids = [f"i{n}" for n in range(0, N, 9)]
    for n in range(60):
        words = [str(word) for word in rng.choice(WORDS, 1 + n % 3)]
        wrong = mistyped(words[-1], rng)
        typed = " ".join([*words[:-1], mistyped(wrong, rng) if n % 2 else wrong])
        begun = " ".join([*words[:-1], words[-1][: 1 + n % 4]])
        assert shop.embedded.did_you_mean(typed) == shop.elastic.did_you_mean(typed), typed
        one, other = (list(e.suggest(begun, 1 + n % 7)) for e in (shop.embedded, shop.elastic))
        assert one == other, begun
        marks = [engine.highlight(typed, ids) for engine in (shop.embedded, shop.elastic)]
        assert marks[0] == marks[1], typed


def mistyped(word: str, rng: np.random.Generator) -> str:
    """Return a word with a letter dropped, doubled, changed, or two swapped."""
    place = int(rng.integers(0, len(word) - 1))
    start, end = word[:place], word[place + 1 :]
    return [
        start + end,
        start + 2 * word[place] + end,
        start + "x" + end,
        start + end[:1] + word[place] + end[1:],
    ][int(rng.integers(0, 4))]
