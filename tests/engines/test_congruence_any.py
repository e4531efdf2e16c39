"""Any text and any filters: both engines give the same outcome, an answer or the same refusal."""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.engines.base import Retrieve
from search_rerank.query import Facet, Filters, Range, Sort
from tests.engines.alike import BRANDS, COLORS, SCHEMA, WORDS, pair
from tests.engines.conftest import OpenWith

QUERIES = int(os.environ.get("SEARCH_RERANK_EXAMPLES", "300"))
"""How many are generated; `make test-all` asks for 10,000."""
AT_A_TIME = 10
N = 60

COUNTED = ("brand", "category", "currency", "in_stock", "attributes.color", "attributes.sku")
NUMBERS = ("price", "rating", "rating_count", "updated_at", "attributes.size", "attributes.color")
ODD = ("title", "attributes.none")
"""Fields that cannot be asked for, among many that can: a refusal ends all other comparison."""
VALUES = (*BRANDS, *COLORS, "Care", "Sport", "Care > red", "EUR", "true", "false", "i7", "g3", "")

text = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
    st.lists(st.sampled_from(WORDS) | st.text(max_size=9), max_size=5).map(" ".join),
    st.tuples(st.sampled_from(WORDS), st.integers(0, 8), st.text("aeiorst", max_size=2)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
    ),
    st.sampled_from(["i7", "SK-007", "sk 007", "蓝牙耳机", "Ǆ ﬁ ß İ", "runner’s", "a\u0301"]),
)
terms = st.sampled_from((*COUNTED, "id", "group_id") * 8 + ODD)
counted = st.sampled_from(COUNTED * 8 + (*ODD, "id"))
numbers = st.sampled_from(NUMBERS * 8 + (*ODD, "brand"))
number = (
    st.none()
    | st.sampled_from([0.0, 20.0, 50.0, 4.5, 40.0] * 8 + [float("nan")])
    | st.floats(allow_nan=False)
)
interval = st.builds(Range, number, number)
flat = st.builds(
    Filters,
    st.dictionaries(
        terms,
        st.lists(st.sampled_from(VALUES) | st.text(max_size=8), max_size=3).map(tuple),
        max_size=2,
    ),
    st.dictionaries(numbers, interval, max_size=2),
)
filters = st.recursive(
    flat,
    lambda inner: st.builds(
        lambda own, all_of, any_of, none_of: Filters(
            own.terms, own.ranges, tuple(all_of), tuple(any_of), tuple(none_of)
        ),
        flat,
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=6,
)
facets = st.lists(
    st.builds(Facet, counted, size=st.integers(0, 60), own_filter=st.booleans())
    | st.builds(
        Facet,
        numbers,
        st.sampled_from(["ranges", "statistics"]),
        st.lists(interval, min_size=1, max_size=3).map(tuple),
        own_filter=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda facet: (facet.field, facet.kind == "statistics"),
).map(tuple)
sort = st.lists(st.builds(Sort, numbers, st.booleans()), max_size=2).map(tuple)


def requests(points: np.ndarray[Any, np.dtype[np.float32]]) -> st.SearchStrategy[Retrieve]:
    odd = (np.zeros(SCHEMA.dim, np.float32), np.ones(3, np.float32))
    vector = st.none() | st.sampled_from([*points[:30], *odd])
    return st.builds(
        Retrieve,
        text,
        vector,
        filters,
        facets,
        st.sampled_from([1, 5, 2 * N]),
        sort,
        st.booleans(),
        st.booleans(),
    )


@pytest.mark.slow
@pytest.mark.elasticsearch
@pytest.mark.timeout(3600)
def test_any_query_has_the_same_outcome(embedded_with: OpenWith, elastic_with: OpenWith) -> None:
    shop = pair(embedded_with, elastic_with, N, np.random.default_rng(3))

    @settings(
        max_examples=max(1, QUERIES // AT_A_TIME),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(requests(shop.vectors), min_size=AT_A_TIME, max_size=AT_A_TIME))
    def holds(asked: list[Retrieve]) -> None:
        for request in asked:
            # Of some of the hits the last may differ by a rounding of their scores.
            whole = bool(request.sort) or (request.k > N and not request.collapse)
            one, other = shop.outcomes(request, listed=whole)
            assert one == other, request
        first = asked[0].text
        assert list(shop.embedded.suggest(first, 5)) == list(shop.elastic.suggest(first, 5)), first
        ids = ["i1", "i2", "i3", first]
        assert shop.embedded.highlight(first, ids) == shop.elastic.highlight(first, ids), first

    holds()
