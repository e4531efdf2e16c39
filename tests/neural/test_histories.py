"""Events as histories end to end, cut and padded."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.neural.histories import PADDING, Histories
from tests.scorers.worlds import NOW_MS, click, log


def of(*lists: list[int]) -> Histories:
    flat = np.array([item for items in lists for item in items], dtype=np.int32)
    return Histories(flat, np.cumsum([0, *map(len, lists)]).astype(np.int64))


def lists(histories: Histories) -> list[list[int]]:
    return [
        histories.item[start:end].tolist()
        for start, end in zip(histories.starts[:-1], histories.starts[1:], strict=True)
    ]


def test_each_actor_in_time_order() -> None:
    rows = [click("b", 5, 30), click("a", 1, 20), click("b", 4, 10), click("a", 2, NOW_MS)]
    rows.append(click("c", 3, 15, "wish"))
    found = Histories.of(log(rows), {"click": 1.0}, now_ms=NOW_MS)
    assert sorted(lists(found)) == [[1], [4, 5]]
    assert found.known(20).nonzero()[0].tolist() == [1, 4, 5]
    assert lists(Histories.of(log([]), {"click": 1.0}, now_ms=NOW_MS)) == []


def test_windows_share_one_item() -> None:
    assert lists(of([1, 2, 3, 4, 5, 6], [7], [], [8, 9]).windows(3)) == [
        [4, 5, 6],
        [2, 3, 4],
        [1, 2],
        [8, 9],
    ]


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=4), st.integers(2, 5))
def test_every_pair_of_neighbours_is_in_one_window(given: list[list[int]], length: int) -> None:
    def pairs(rows: list[list[int]]) -> list[tuple[int, int]]:
        return sorted(pair for row in rows for pair in zip(row, row[1:], strict=False))

    found = lists(of(*given).windows(length))
    assert pairs(found) == pairs(given)
    assert all(2 <= len(row) <= length for row in found)


def test_last_held_out() -> None:
    held = of([1, 2, 3], [4, 5], [6, 7, 8, 9], [1, 1, 1]).last_held_out(2)
    assert held.actors.tolist() == [0, 3]
    assert held.target.tolist() == [3, 1]
    assert lists(held.histories) == [[1, 2], [4, 5], [6, 7, 8, 9], [1, 1]]


def test_padded_has_the_newest_last() -> None:
    found = of([1, 2, 3], [4], []).padded(np.array([1, 0, 2]), 2)
    assert found.tolist() == [[PADDING, 4], [2, 3], [PADDING, PADDING]]
