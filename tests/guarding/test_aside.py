"""Work beside a request: what is late is given up, and may be waited for after all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, current_thread

import pytest

from search_rerank.guarding.aside import Aside, GivenUp, waited_for
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline


@pytest.fixture
def hang() -> Iterator[Event]:
    """Give what work may wait for; it is let go at the end of the test."""
    event = Event()
    yield event
    event.set()


def raises() -> int:
    raise ValueError("broken on purpose")


def soon(ms: float = 200) -> Deadline:
    return Deadline.after(ms)


def eventually(what: Callable[[], object]) -> object:
    end = time.monotonic() + 5
    while True:
        try:
            return what()
        except GivenUp:
            assert time.monotonic() < end, "a thread whose work is over is of use again"
            time.sleep(0.01)


def test_without_a_deadline_the_caller_works_itself() -> None:
    assert Aside(threads=0).one(current_thread, NO_DEADLINE) is current_thread()


def test_what_it_returns_and_raises_reaches_the_caller() -> None:
    aside = Aside()
    assert aside.one(lambda: 7, soon()) == 7
    with pytest.raises(ValueError, match="broken on purpose"):
        aside.one(raises, soon())


def test_one_thread_serves_request_after_request() -> None:
    aside = Aside(threads=1)
    threads = {aside.one(lambda: current_thread().ident, soon(5000)) for _ in range(200)}
    assert len(threads) == 1 and current_thread().ident not in threads


def test_work_that_hangs_is_given_up_in_time(hang: Event) -> None:
    begun = time.monotonic()
    with pytest.raises(GivenUp, match="late") as found:
        Aside().one(hang.wait, soon(50))
    assert time.monotonic() - begun < 2
    assert found.value.work is not None and not found.value.work.ended
    hang.set()
    assert waited_for(found.value, raises) is True  # it was begun, and is not begun again
    assert found.value.work.ended


def test_nothing_is_begun_once_the_time_is_up() -> None:
    done: list[int] = []
    with pytest.raises(GivenUp, match="late") as found:
        Aside().one(partial(done.append, 1), soon(0))
    assert found.value.work is None and done == []


def test_no_more_threads_than_so_many_hang(hang: Event) -> None:
    aside = Aside(threads=2)
    for _ in range(2):
        with pytest.raises(GivenUp, match="late"):
            aside.one(hang.wait, soon(20))
    with pytest.raises(GivenUp, match="busy") as found:
        aside.one(lambda: 1, soon(20))
    assert waited_for(found.value, lambda: 5) == 5  # nobody has begun it
    hang.set()
    assert eventually(lambda: aside.one(lambda: 8, soon())) == 8


def test_the_time_of_day_has_no_say(hang: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = soon(100)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 < deadline.left_s <= 0.1
    assert Aside().one(lambda: 1, deadline) == 1
    with pytest.raises(GivenUp, match="late"):
        Aside().one(hang.wait, deadline)


def test_the_time_is_divided_among_stages() -> None:
    moment = [10.0]
    deadline = Deadline.after(1000, waited_s=0.2, clock=lambda: moment[0])
    assert deadline.left_s == pytest.approx(0.8)
    lefts = [deadline.of(stage).left_s for stage in ("retrieve", "state", "features", "fuse")]
    assert lefts == pytest.approx([0.4, 0.48, 0.68, 0.76])
    moment[0] = 10.7
    assert deadline.of("features").over and not deadline.of("fuse").over
    assert deadline.of("features").left_s == 0.0
    assert NO_DEADLINE.of("fuse").endless and not NO_DEADLINE.over
