from __future__ import annotations

import numpy as np
import pytest

from search_rerank.evaluation.report.calibration import calibration, wilson


def test_buckets_are_finer_towards_the_top_and_hold_every_row() -> None:
    scores = np.arange(1000.0)
    gains = (scores >= 900).astype(float)
    buckets, rising = calibration(scores, gains)
    assert [bucket.rows for bucket in buckets] == [500, 250, 150, 50, 30, 10, 5, 5]
    assert [bucket.relevant for bucket in buckets] == [0, 0, 0, 50, 30, 10, 5, 5]
    assert rising
    assert buckets[0].share == (0, 0.5) and buckets[-1].share == (0.995, 1)
    assert buckets[1].scores == (500, 749)


def test_a_score_on_an_edge_is_in_the_bucket_above() -> None:
    buckets, _ = calibration(np.arange(1001.0), np.ones(1001))
    assert [bucket.rows for bucket in buckets] == [500, 250, 150, 50, 30, 10, 5, 6]


def test_a_score_that_misleads_does_not_rise() -> None:
    scores = np.arange(100.0)
    assert not calibration(scores, (scores < 50).astype(float))[1]


def test_equal_scores_are_in_one_bucket_and_nan_in_none() -> None:
    buckets, _ = calibration(np.array([1.0, 1, 1, 1, np.nan, 2]), np.array([0, 1, 0, 0, 1, 1]))
    assert [(bucket.rows, bucket.relevant) for bucket in buckets] == [(4, 1), (1, 1)]
    everything, rising = calibration(np.ones(5), np.array([1, 0, 0, 0, 0]))
    assert [(bucket.rows, bucket.rate) for bucket in everything] == [(5, 1 / 5)]
    assert rising


def test_without_scores_there_are_no_buckets() -> None:
    assert calibration(np.array([np.nan]), np.array([1.0])) == ([], True)


def test_the_interval_of_a_share_is_wilson_s() -> None:
    from scipy.stats import binomtest

    for hits, n in ((0, 10), (3, 10), (10, 10), (250, 1000)):
        expected = binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-6)
