"""A job whose steps may hang: it is walked again without them, and nothing else is done twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from threading import Event, Lock, Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.guarding.aside import Aside, GivenUp, waited_for
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.walk import Busy, Walk, walked

pytestmark = pytest.mark.slow


@pytest.fixture
def hang() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


class Job:
    """A row of steps, each of which counts how often it was begun."""

    def __init__(self, deadline: Deadline, **steps: Callable[[], object]) -> None:
        self.deadline = deadline
        self.begun: Counter[str] = Counter()
        self._steps = steps

    def __call__(self, walk: Walk) -> dict[str, object]:
        return {
            name: walk.step(name, self._counted(name, work), self.deadline, 0.5).outcome
            for name, work in self._steps.items()
        }

    def _counted(self, name: str, work: Callable[[], object]) -> Callable[[], object]:
        def counted() -> object:
            self.begun[name] += 1
            return work()

        return counted


def told(outcomes: dict[str, object]) -> dict[str, object]:
    return {name: str(one) if isinstance(one, Exception) else one for name, one in outcomes.items()}


def broken() -> None:
    raise ValueError("on purpose")


def test_steps_give_what_they_return_or_raise() -> None:
    job = Job(Deadline.after(5000), one=lambda: 1, two=broken, three=lambda: None)
    found = walked(job, Aside(), job.deadline)
    assert told(found) == {"one": 1, "two": "on purpose", "three": None}
    assert job.begun == Counter(one=1, two=1, three=1)


def test_what_hangs_costs_its_neighbours_nothing(hang: Event) -> None:
    job = Job(
        Deadline.after(400), one=lambda: 1, two=hang.wait, three=broken, four=hang.wait, five=int
    )
    begun = time.monotonic()
    found = walked(job, Aside(), job.deadline)
    assert time.monotonic() - begun < 3
    expected = {"one": 1, "two": "late", "three": "on purpose", "four": "late", "five": 0}
    assert told(found) == expected
    assert set(job.begun.values()) == {1}


def test_a_walk_that_was_left_goes_no_further(hang: Event) -> None:
    deadline, further = Deadline.after(200), []

    def job(walk: Walk) -> object:
        outcome = walk.step("one", hang.wait, deadline, 0.5).outcome
        further.append(outcome)
        return walk.step("two", lambda: 2, deadline).outcome

    assert walked(job, Aside(), deadline) == 2
    hang.set()
    time.sleep(0.1)
    assert [str(one) for one in further] == ["late"]


def test_a_step_that_was_given_up_may_be_waited_for(hang: Event) -> None:
    deadline = Deadline.after(100)
    times = []

    def work() -> int:
        times.append(1)
        hang.wait()
        return 7

    def job(walk: Walk) -> object:
        found = walk.step("slow", work, deadline).outcome
        if isinstance(found, GivenUp):
            found = walk.step("after all", lambda: waited_for(found, work), NO_DEADLINE).outcome
        return found

    Timer(0.3, hang.set).start()
    assert walked(job, Aside(), deadline) == 7
    assert times == [1]


def test_what_the_job_itself_raises_is_raised() -> None:
    def job(walk: Walk) -> None:
        raise ValueError("no step of it")

    with pytest.raises(ValueError, match="no step of it"):
        walked(job, Aside(), Deadline.after(500))


def test_a_lock_that_a_hanging_walk_holds_is_let_go(hang: Event) -> None:
    lock, deadline = Lock(), Deadline.after(300)
    waits = []

    def job(walk: Walk) -> object:
        begun = time.monotonic()
        walk.hold(lock, 5)
        waits.append(time.monotonic() - begun)
        try:
            return walk.step("slow", hang.wait, deadline, 0.5).outcome
        finally:
            walk.let_go()

    assert isinstance(walked(job, Aside(), deadline), GivenUp)
    assert len(waits) == 2 and max(waits) < 2
    assert lock.acquire(timeout=1)


def test_without_a_free_thread_nothing_is_begun(hang: Event) -> None:
    aside = Aside(threads=1)
    with pytest.raises(GivenUp, match="late"):
        aside.one(hang.wait, Deadline.after(20))
    with pytest.raises(Busy):
        walked(lambda _: pytest.fail("begun"), aside, Deadline.after(100))


def test_steps_of_one_name_are_told_apart(hang: Event) -> None:
    deadline = Deadline.after(300)
    numbers = iter(range(10))

    def job(walk: Walk) -> list[object]:
        found = [walk.step("same", lambda: next(numbers), deadline).outcome for _ in range(3)]
        return [*found, walk.step("other", hang.wait, deadline, 0.5).outcome]

    found = walked(job, Aside(), deadline)
    assert found[:3] == [0, 1, 2] and isinstance(found[3], GivenUp)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["value", "raises", "hangs"]), max_size=7))
def test_whatever_hangs_every_step_is_begun_once_and_has_its_own_outcome(kinds: list[str]) -> None:
    event = Event()
    works = {"value": lambda: 1, "raises": broken, "hangs": event.wait}
    job = Job(Deadline.after(300), **{f"s{n}": works[kind] for n, kind in enumerate(kinds)})
    try:
        found = walked(job, Aside(), job.deadline)
    finally:
        event.set()
    outcomes = {"value": 1, "raises": "on purpose", "hangs": "late"}
    expected = {f"s{n}": outcomes[kind] for n, kind in enumerate(kinds)}
    assert all(told(found)[name] in (one, "late") for name, one in expected.items())
    assert all(count == 1 for count in job.begun.values())
    if kinds.count("hangs") <= 3:
        assert told(found) == expected
