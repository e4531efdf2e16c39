"""How word hits and vector hits become one order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.config import RetrievalConfig
from search_rerank.engines import hybrid


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    k=st.integers(1, 20),
    others=st.integers(0, 30),
    words_weight=st.sampled_from([0.0, 0.01, 1.0, 7.0]),
    vector_weight=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_what_has_less_than_the_least_changes_nothing(
    seed: int, k: int, others: int, words_weight: float, vector_weight: float
) -> None:
    """Scores are coarse, so that many are just the least."""
    rng = np.random.default_rng(seed)
    weights = RetrievalConfig(words_weight=words_weight, vector_weight=vector_weight)
    n = k + others
    boosted = np.sort(rng.integers(0, 8, n) / 4.0)[::-1]
    cosine = np.where(rng.random(n) < 0.1, np.nan, rng.integers(-4, 5, n) / 4.0)
    ids = [f"{place:02d}" for place in rng.permutation(n).tolist()]
    top = float(boosted[0])
    least = hybrid.entering(boosted[:k], cosine[:k], cosine[k:], weights, top=top, k=k)
    enters = np.concatenate([np.ones(k, dtype=bool), boosted[k:] >= least])
    every, some = (
        hybrid.combine(
            [ids[row] for row in np.flatnonzero(kept).tolist()],
            boosted[kept],
            np.ones(kept.sum()),
            cosine[kept],
            weights,
            top=top,
            k=k,
        )
        for kept in (np.ones(n, dtype=bool), enters)
    )
    assert every.ids == some.ids
    np.testing.assert_array_equal(every.score, some.score)


def test_the_least_is_what_the_cosine_does_not_make_up_for() -> None:
    weights = RetrievalConfig(words_weight=2.0, vector_weight=0.5)
    listed = np.array([8.0, 4.0]), np.array([0.0, 0.2])
    later = np.array([1.0, 0.0, -1.0, np.nan])
    least = hybrid.entering(*listed, later, weights, top=8.0, k=2)
    last = 2.0 * 4.0 / 8.0 + 0.5 * 0.2
    near = np.array([1.0, 0.0, 0.0, 0.0])
    assert least == pytest.approx((last - 0.5 * near) * 8.0 / 2.0, abs=1e-4)


@pytest.mark.parametrize(
    ("weights", "k"),
    [
        (RetrievalConfig(fusion="ranks"), 2),
        (RetrievalConfig(words_weight=0.0), 2),
        (RetrievalConfig(), 3),
    ],
)
def test_nothing_is_said_where_words_do_not_decide(weights: RetrievalConfig, k: int) -> None:
    listed = np.array([8.0, 4.0]), np.array([0.0, 0.2])
    least = hybrid.entering(*listed, np.zeros(2), weights, top=8.0, k=k)
    assert least.tolist() == [0.0, 0.0]
