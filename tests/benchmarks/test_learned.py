"""Folds over queries: nothing is scored by what learnt from it, and sizes are chosen without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import learned
from benchmarks.learned import FOLDS, Task
from search_rerank.features.table import FeatureTable

QUERIES, ROWS = 20, 6


@pytest.fixture
def task() -> Task:
    """Queries told apart by a column; the engine puts the only good row last."""
    query = np.repeat(np.arange(QUERIES), ROWS)
    rank = np.tile(np.arange(ROWS), QUERIES)
    X = np.column_stack([query, -rank]).astype(np.float32)
    table = FeatureTable(
        ("query", "query.engine_score"), X, np.arange(QUERIES + 1) * ROWS, rank.astype(np.int32)
    )
    gains = (rank == ROWS - 1).astype(np.float32)
    return Task("", ("nDCG@10",), table, gains, [[float(n)] for n in range(QUERIES)], (None,))


@dataclass
class Seen:
    """Scores 1 the rows of queries that it learnt from."""

    queries: set[float]

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        return np.isin(table.column("query"), list(self.queries)).astype(np.float64)


def remember(table: FeatureTable, *_: object) -> Seen:
    return Seen(set(table.column("query").tolist()))


def test_no_query_is_scored_by_what_learnt_from_it(task: Task) -> None:
    scores = learned._out_of_fold(task, remember, 0, [None] * FOLDS)
    assert set(scores.tolist()) == {1.5}  # the score of 0 in the second stage; of 1 it is 1.75
    for rows in folds(task):
        assert len(remember(task.only(~rows).table).queries) == QUERIES - QUERIES // FOLDS


def folds(task: Task) -> list[NDArray[np.bool_]]:
    return learned._folds(task, FOLDS, 0)


def test_each_query_is_in_one_fold_with_all_its_rows(task: Task) -> None:
    held = np.sum(folds(task), axis=0)
    assert held.tolist() == [1] * len(task.table)
    for rows in folds(task):
        assert set(rows.reshape(QUERIES, ROWS).mean(axis=1).tolist()) == {0, 1}


def test_some_queries_keep_their_rows_and_what_they_missed(task: Task) -> None:
    keep = np.repeat(np.arange(QUERIES) % 2 == 1, ROWS)
    some = task.only(keep)
    assert some.missed == [[float(n)] for n in range(1, QUERIES, 2)]
    assert some.table.column("query").tolist() == task.table.column("query")[keep].tolist()
    values = task.values(task.gains, "nDCG@10")
    np.testing.assert_array_equal(some.values(some.gains, "nDCG@10"), values[1::2])
