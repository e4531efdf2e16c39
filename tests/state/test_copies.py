"""Copies of counters: equal, apart from what they were made of, and not the allocator's."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from search_rerank.state.copies import copied, paged
from search_rerank.state.snapshot import take
from search_rerank.state.tally import Tally

_GAINS = {"click": 1.0}


@given(data=st.data(), shape=array_shapes(max_dims=2, min_side=0, max_side=6))
def test_rows_by_number_or_slice_are_those_of_the_array(
    data: st.DataObject, shape: tuple[int, ...]
) -> None:
    array = data.draw(arrays(data.draw(st.sampled_from(["f8", "i4", "u1", "?"])), shape))
    number = st.integers(0, max(shape[0] - 1, 0))
    rows = np.array(data.draw(st.lists(number, max_size=9 * (shape[0] > 0))), dtype=np.int64)
    np.testing.assert_array_equal(copied(array, rows), array[rows], strict=True)
    end = data.draw(st.integers(0, shape[0]))
    np.testing.assert_array_equal(copied(array, slice(end)), array[:end], strict=True)


@pytest.mark.parametrize("rows", [slice(2), np.array([0, 1])])
def test_a_copy_stays_when_its_array_changes(rows: slice | np.ndarray) -> None:
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    copy = copied(array, rows)
    array[:] = 0.0
    np.testing.assert_array_equal(copy, [[1.0, 2.0], [3.0, 4.0]])
    copy[0] = 5.0  # what is read back from a snapshot counts on
    assert copy[0, 1] == 5.0


def test_new_pages_are_zeros_of_the_shape_asked() -> None:
    for shape in ((0,), (0, 3), (2, 3)):
        np.testing.assert_array_equal(
            paged(shape, np.int32), np.zeros(shape, np.int32), strict=True
        )


def test_a_process_that_was_forked_has_pages_of_its_own() -> None:
    array = paged((3,), np.int64)
    child = os.fork()
    if not child:
        array[:] = 7
        os._exit(0)
    os.waitpid(child, 0)
    np.testing.assert_array_equal(array, [0, 0, 0])


def test_taking_a_snapshot_asks_the_allocator_for_a_small_part_of_its_size() -> None:
    tally = Tally(_GAINS)
    rng = np.random.default_rng(0)
    pairs = zip(rng.integers(20_000, size=40_000), rng.integers(3_000, size=40_000), strict=True)
    tally.add((f"p{item}", "click", 1_000, f"q{query}", None, None) for item, query in pairs)
    tracemalloc.start()
    try:
        taken = take(tally, {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = sum(array.nbytes for array in taken.values())
    assert size > 3_000_000
    assert peak < size / 2  # texts, and what is done query by query
