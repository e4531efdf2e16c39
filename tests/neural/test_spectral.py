"""The start of the pooled scorers: it ranks as the low-pass filter does."""

import numpy as np

from search_rerank.neural.histories import Histories
from search_rerank.neural.spectral import spectral

N_ITEMS = 9


def had() -> Histories:
    rng = np.random.default_rng(4)
    lists = [np.flatnonzero(rng.random(N_ITEMS - 1) < 0.5) for _ in range(30)]
    lists = [items for items in lists if len(items)]
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return Histories(np.concatenate(lists).astype(np.int32), starts)


def test_products_rank_as_the_filter() -> None:
    histories = had()
    pooled, found = spectral(histories, N_ITEMS, 3, seed=0)
    R = np.zeros((len(histories), N_ITEMS))
    R[histories.actor(), histories.item] = 1
    degree = np.maximum(R.sum(axis=0), 1)
    V = np.linalg.svd(R / np.sqrt(R.sum(axis=1))[:, None] / np.sqrt(degree))[2][:3].T
    low_pass = np.diag(degree**-0.5) @ V @ V.T @ np.diag(degree**0.5)
    products = pooled @ found.T
    scale = products[0, 0] / low_pass[0, 0]
    assert scale > 0
    np.testing.assert_allclose(products, scale * low_pass, atol=1e-4 * scale)
    norms = [np.linalg.norm(rows, axis=1).mean() for rows in (pooled, found)]
    np.testing.assert_allclose(*norms, rtol=1e-5)


def test_the_scale_finds_every_second_item_best() -> None:
    histories = had()
    pooled, found = spectral(histories, N_ITEMS, 3, seed=0)

    def cross_entropy(scale: float) -> float:
        total = 0.0
        for start, end in zip(histories.starts[:-1], histories.starts[1:], strict=True):
            given, asked = histories.item[start:end:2], histories.item[start + 1 : end : 2]
            if len(asked) == 0:
                continue
            shopper = pooled[given].sum(axis=0)
            logits = scale * found @ shopper / np.linalg.norm(shopper)
            left = np.delete(logits, given)
            total += np.log(np.exp(left).sum()) - logits[asked].mean()
        return total

    assert cross_entropy(1.0) < min(cross_entropy(0.5), cross_entropy(2.0))


def test_a_history_of_every_item_says_nothing_of_the_scale() -> None:
    histories = had()
    every = np.repeat(np.arange(N_ITEMS, dtype=np.int32), 2)
    more = Histories(
        np.append(histories.item, every), np.append(histories.starts, len(histories.item) + 18)
    )
    pooled, found = spectral(more, N_ITEMS, 3, seed=0)
    alone = spectral(histories, N_ITEMS, 3, seed=0)[1]
    assert np.linalg.norm(found) > 0.5 * np.linalg.norm(alone)
    assert np.isfinite(pooled).all()


def test_what_has_no_vector_is_zero() -> None:
    pooled, found = spectral(had(), N_ITEMS, 20, seed=0)
    for rows in (pooled, found):
        assert rows.shape == (N_ITEMS, 20)
        assert rows.dtype == np.float32
        assert not rows[N_ITEMS - 1].any()  # nobody had it
        assert not rows[:, N_ITEMS:].any()
        assert np.isfinite(rows).all()


def test_histories_of_one_item() -> None:
    one = Histories(np.array([2], dtype=np.int32), np.array([0, 1]))
    for rows in spectral(one, 3, 2, seed=0):
        assert rows[2].any() and np.isfinite(rows).all()
        assert not rows[:2].any()
