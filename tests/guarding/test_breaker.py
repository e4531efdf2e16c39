"""A breaker that opens, probes and closes, by a clock of the test's own."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.guarding.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Work:
    def __init__(self) -> None:
        self.ended = False


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker(clock: Clock, failures: int = 3, rest_s: float = 1.0) -> Breaker:
    return Breaker("part", failures, rest_s, clock, Random(1))


def test_it_opens_after_failures_in_a_row_only(clock: Clock) -> None:
    part = breaker(clock)
    for _ in range(5):
        part.failed()
        part.failed()
        part.succeeded()
    assert part.lets() and not part.open
    for _ in range(3):
        assert part.lets()
        part.failed()
    assert part.open and not part.lets()


def test_after_its_rest_one_is_let_through_until_it_has_told(clock: Clock) -> None:
    part = breaker(clock)
    for _ in range(3):
        part.failed()
    clock.now_s += 0.79
    assert not part.lets()
    clock.now_s += 0.21
    assert [part.lets() for _ in range(5)] == [True, False, False, False, False]
    part.failed()
    assert not part.lets()
    clock.now_s += 1
    assert part.lets()
    part.succeeded()
    assert not part.open and all(part.lets() for _ in range(5))


def test_a_probe_that_never_tells_does_not_keep_others_out_for_ever(clock: Clock) -> None:
    part = breaker(clock)
    for _ in range(3):
        part.failed()
    for _ in range(4):
        clock.now_s += 1
        assert part.lets() and not part.lets()


def test_what_still_runs_is_not_followed(clock: Clock) -> None:
    part, hung = breaker(clock), [Work() for _ in range(3)]
    for work in hung:
        part.failed(work)
    clock.now_s += 60
    assert not part.lets()
    for work in hung:
        work.ended = True
    assert part.lets()


def test_a_closed_breaker_lets_no_more_than_so_many_hang(clock: Clock) -> None:
    part, hung = breaker(clock), [Work() for _ in range(3)]
    for work in hung:
        part.failed(work)
        part.succeeded()
    assert not part.open and not part.lets()
    hung[0].ended = True
    assert part.lets()


def test_rests_differ_and_never_exceed_what_was_set(clock: Clock) -> None:
    rests = set()
    for seed in range(20):
        part = Breaker("part", 1, 10.0, clock, Random(seed))
        part.failed()
        start = clock.now_s
        while not part.lets():
            clock.now_s += 0.05
        rests.add(round(clock.now_s - start, 2))
    assert len(rests) > 5
    assert 8.0 <= min(rests) and max(rests) <= 10.05


@given(st.lists(st.sampled_from(["ok", "fail", "tick"]), max_size=60))
def test_it_is_open_exactly_after_so_many_failures_without_a_success(steps: list[str]) -> None:
    clock, in_a_row, open_ = Clock(), 0, False
    part = breaker(clock, failures=2)
    for step in steps:
        if step == "tick":
            clock.now_s += 1
            continue
        if not part.lets():
            assert open_
            continue
        in_a_row = 0 if step == "ok" else in_a_row + 1
        (part.succeeded if step == "ok" else part.failed)()
        open_ = in_a_row >= 2
        assert part.open == open_
