"""What the other candidates say of one, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.features.arrays import Column
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.query import Query
from search_rerank.state.memory import MemoryState
from tests.features.worlds import GAINS, candidates

ITEMS = [
    Item(id="boot", title="Winter boot", brand="North", category=["Shoes", "Boots"]),
    Item(id="shoe", title="Winter shoe", brand="North", category=["Shoes", "Running"]),
    Item(id="lamp", title="Desk lamp", category=["Home"]),
]
VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
BOOT, SHOE, LAMP = (0.5 ** (place / 10) for place in range(3))
"""The first counts 1, each ten places half of it."""


def columns(
    *ids: str, items: list[Item] = ITEMS, vectors: np.ndarray | None = VECTORS
) -> dict[str, Column]:
    catalogue = Catalogue.from_items(items, vectors)
    asked = read_moment(
        Query(text="boot"), candidates(*ids), catalogue, MemoryState(GAINS), GAINS, 50
    )
    table, _ = FeatureBuilder(catalogue, (), groups=("neighbourhood",)).build(asked)
    return {name: table.column(name) for name in table.names}


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_cosine_with_the_mean_of_the_others() -> None:
    found = columns("boot", "shoe", "lamp")
    boot, shoe, lamp = VECTORS
    np.testing.assert_allclose(
        found["neighbourhood.vector"],
        [
            cosine(boot, SHOE * shoe + LAMP * lamp),
            cosine(shoe, BOOT * boot + LAMP * lamp),
            cosine(lamp, BOOT * boot + SHOE * shoe),
        ],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        found["neighbourhood.vector_of_all"][0], cosine(boot, shoe + lamp), rtol=1e-5
    )


def test_titles_are_compared_by_their_words() -> None:
    found = columns("boot", "shoe", "lamp")["neighbourhood.words"]
    # Of three items two have winter and shoe (one as its category), one has boot.
    common, rare = np.log(1 + 3 / 3), np.log(1 + 3 / 2)
    alike = (common / np.hypot(common, rare)) * (common / np.hypot(common, common))
    # The lamp shares no word: of the others' sum only its length counts.
    np.testing.assert_allclose(found[0], SHOE * alike / np.hypot(SHOE, LAMP), rtol=1e-5)
    np.testing.assert_allclose(found[2], 0, atol=1e-6)


def test_the_share_of_the_others_with_the_same_brand_and_category() -> None:
    found = columns("boot", "shoe", "lamp")
    np.testing.assert_allclose(
        found["neighbourhood.brand"],
        [SHOE / (SHOE + LAMP), BOOT / (BOOT + LAMP), np.nan],
        rtol=1e-5,
    )
    np.testing.assert_allclose(found["neighbourhood.category"], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(
        found["neighbourhood.department"],
        [SHOE / (SHOE + LAMP), BOOT / (BOOT + LAMP), 0],
        rtol=1e-5,
        atol=1e-6,
    )


def test_what_the_catalogue_does_not_hold_says_nothing() -> None:
    found = columns("brand-new", "boot", "shoe")
    assert all(np.isnan(column[0]) for column in found.values())
    np.testing.assert_allclose(found["neighbourhood.brand"][1:], [1, 1], rtol=1e-6)


@pytest.mark.parametrize("ids", [(), ("boot",), ("brand-new",)])
def test_without_others_nothing_is_said(ids: tuple[str, ...]) -> None:
    for column in columns(*ids).values():
        assert column.dtype == np.float32
        assert len(column) == len(ids)
        assert np.isnan(column).all()


def test_without_vectors_their_columns_are_nan() -> None:
    found = columns("boot", "shoe", vectors=None)
    assert np.isnan(found["neighbourhood.vector"]).all()
    np.testing.assert_allclose(found["neighbourhood.brand"], [1, 1], rtol=1e-6)
