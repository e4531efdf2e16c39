"""Requests of a key a minute, over a sliding window, in constant memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search_rerank.config import parse_config
from search_rerank.keys import Key
from service.limiting import Limiting, WorkerWindows

MINUTE = 60


def key(name: str, per_minute: int | None = None) -> Key:
    return Key(
        id=f"{name:0<12}", name=name, scopes=("search",), per_minute=per_minute, created_ms=0,
        salt="0" * 32, hash="0" * 64,
    )  # fmt: skip


class Clock:
    def __init__(self, now_s: float = 6000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def let(windows: WorkerWindows, n: int, limit: int) -> int:
    return sum(windows.acquire_sliding_window_entry("k", limit, MINUTE) for _ in range(n))


def test_the_window_before_counts_by_the_share_that_is_left_of_it() -> None:
    clock = Clock(6000.0)  # a window begins
    windows = WorkerWindows(clock)
    assert let(windows, 15, limit=10) == 10
    for passed_s, allowed in [(60, 0), (60 + 30, 5), (60 + 45, 10 - 2 - 5)]:
        clock.now_s = 6000.0 + passed_s
        assert let(windows, 15, limit=10) == allowed
    clock.now_s = 6000.0 + 4 * 60
    assert let(windows, 15, limit=10) == 10


@given(st.lists(st.floats(0, 20), max_size=200), st.integers(1, 8))
def test_no_minute_has_far_more_than_the_limit(pauses: list[float], limit: int) -> None:
    """What was let through in any window of the clock is the limit at most."""
    clock = Clock()
    windows, times = WorkerWindows(clock), []
    for pause in pauses:
        clock.now_s += pause
        if windows.acquire_sliding_window_entry("k", limit, MINUTE):
            times.append(clock.now_s)
    for window in {time // MINUTE for time in times}:
        assert sum(time // MINUTE == window for time in times) <= limit


def test_a_clock_that_jumps_refuses_nobody_for_long() -> None:
    clock = Clock()
    windows = WorkerWindows(clock)
    assert let(windows, 5, limit=5) == 5
    for now_s in (1_000_000.0, 10.0):
        clock.now_s = now_s
        assert let(windows, 6, limit=5) == 5


def test_a_key_takes_the_place_of_one_number_however_long_it_is_used() -> None:
    clock = Clock()
    windows = WorkerWindows(clock)
    for n in range(1000):
        clock.now_s += 30
        windows.acquire_sliding_window_entry(f"key-{n % 3}", 100, MINUTE)
    assert windows.reset() == 3


def test_each_key_has_its_own_and_workers_share_it() -> None:
    values = {"service": {"workers": 2}, "access": {"per_minute": 8}}
    limiting = Limiting(parse_config(values), Clock())
    assert [limiting.wait_s(key("a")) for _ in range(4)] == [0, 0, 0, 0]
    assert 1 <= limiting.wait_s(key("a")) <= MINUTE
    assert limiting.wait_s(key("b", per_minute=1)) == 0
    assert limiting.wait_s(key("b", per_minute=1)) > 0
    assert limiting.per_minute(key("b", per_minute=1)) == 1
