"""What 8 bits leave out never is among the nearest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.engines.embedded.codes import Codes

NONE = np.zeros(0, dtype=np.intp)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 3_000),
    dim=st.sampled_from([1, 3, 32, 300]),
    spread=st.sampled_from([0.0, 1e-3, 0.1, 3.0]),
    data=st.data(),
)
def test_the_nearest_are_among_the_contenders(
    seed: int, n: int, dim: int, spread: float, data: st.DataObject
) -> None:
    """Be they spread out, in a few heaps, or all the same."""
    rng = np.random.default_rng(seed)
    heaps = rng.normal(size=(3, dim))
    rows = unit(heaps[rng.integers(3, size=n)] + spread * rng.normal(size=(n, dim)))
    vector = unit(rows[0] + spread * rng.normal(size=dim))
    barred = rng.choice(n, data.draw(st.integers(0, n - 2)), replace=False)
    k = data.draw(st.integers(1, n - len(barred) - 1))
    found = Codes(rows).contenders(vector, k, barred)
    cosine = rows.astype(np.float64) @ vector
    cosine[barred] = -2.0
    assert set(np.flatnonzero(cosine >= np.sort(cosine)[-k])) <= set(found.tolist())
    assert not set(found.tolist()) & set(barred.tolist())


def test_few_are_left() -> None:
    rows = unit(np.random.default_rng(0).normal(size=(5_000, 256)))
    assert 10 <= len(Codes(rows).contenders(rows[7], 10, NONE)) < 100


@pytest.mark.parametrize("more", [0, 1, 50, 600, 5_000])
def test_codes_that_follow_others_are_those_of_all(more: int) -> None:
    rows = unit(np.random.default_rng(0).normal(size=(500 + more, 16)))
    first = Codes(rows[:500])
    last = Codes(rows, Codes(rows[: 500 + more // 2], first))
    for codes, n in ((first, 500), (last, 500 + more)):
        found, expected = (c.contenders(rows[3], 5, NONE) for c in (codes, Codes(rows[:n])))
        np.testing.assert_array_equal(found, expected)


def test_a_row_of_zeros_hides_no_other() -> None:
    rows = np.eye(8, dtype=np.float32)
    rows[5] = 0
    found = Codes(rows).contenders(rows[0], 1, np.array([5]))
    assert found.tolist() == [0]
