"""Work in threads beside a request, so that the request can go on without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Lock, Semaphore, Thread
from typing import Any, Generic, TypeVar

from search_rerank.guarding.deadline import Deadline

T = TypeVar("T")
_LEAST_S = 0.001
"""With less time left nothing more is begun."""
_IDLE_S = 30.0


class GivenUp(Exception):
    """The request went on without the work.

    Parameters
    ----------
    reason
        `late`, or `busy` where no thread was free to begin it.
    task
        What still runs; None where it was not begun.
    waited_s
        How long it had.
    """

    def __init__(self, reason: str, task: Task[Any] | None = None, waited_s: float = 0.0):
        super().__init__(reason)
        self.reason = reason
        self.task = task
        self.waited_s = waited_s


class Task(Generic[T]):
    """Several pieces of work that one thread does one after another.

    Parameters
    ----------
    works
        The pieces.
    """

    def __init__(self, works: Sequence[Callable[[], T]]) -> None:
        self._works = works
        self._told = Lock()
        self._told.acquire()
        self._left = False
        self.outcomes: list[T | Exception] = []
        """What each piece that is done returned or raised."""
        self.ended = False

    def do(self) -> None:
        """Do the work, until it is left."""
        for work in self._works:
            if self._left:
                break
            try:
                outcome: T | Exception = work()
            except Exception as error:  # it is told to who waits
                outcome = error
            self.outcomes.append(outcome)
        self.ended = True

    def tell(self) -> None:
        """Let who waits go on."""
        self._told.release()

    def wait(self, seconds: float) -> bool:
        """Return whether all was done within some seconds; one thread may wait."""
        if self._told.acquire(timeout=min(seconds, TIMEOUT_MAX)):
            self._told.release()
            return True
        return False

    def leave(self) -> None:
        """Begin no further piece."""
        self._left = True


class Aside:
    """A few threads, begun as they are needed, that nobody waits for longer than they want to.

    Python cannot interrupt a thread: one whose work was given up is out of use until that ends.

    Parameters
    ----------
    threads
        At most; what finds none free is not begun.
    """

    def __init__(self, threads: int = 32) -> None:
        self._free = Semaphore(threads)
        self._idle = Semaphore(0)
        self._tasks: SimpleQueue[Task[Any]] = SimpleQueue()

    def one(self, work: Callable[[], T], until: Deadline) -> T:
        """Return what a piece of work returns, or raise what it raises.

        Without a deadline the caller itself does it.

        Raises
        ------
        GivenUp
            When it takes longer, or no thread is free.
        """
        if until.endless:
            return work()
        left_s = until.left_s
        if left_s < _LEAST_S:
            raise GivenUp("late")
        task = self._begun([work])
        if task is None:
            raise GivenUp("busy")
        if not task.wait(left_s):
            raise GivenUp("late", task, left_s)
        outcome = task.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def each(self, works: Sequence[Callable[[], T]], until: Deadline) -> list[T | Exception]:
        """Do pieces of work in turn; return what each returned or raised.

        A piece that takes more than half of the time left is given up, its outcome is a `GivenUp`,
        and another thread goes on with the next; so are those for which no time is left. Without
        a deadline the caller itself does the work.
        """
        if until.endless:
            alone = Task(works)
            alone.do()
            return alone.outcomes
        outcomes: list[T | Exception] = []
        while len(outcomes) < len(works) and until.left_s >= _LEAST_S:
            task: Task[T] | None = self._begun(works[len(outcomes) :])
            if task is None:
                return outcomes + [GivenUp("busy") for _ in works[len(outcomes) :]]
            followed: list[T | Exception] = _followed(task, until)
            outcomes += followed
        return outcomes + [GivenUp("late") for _ in works[len(outcomes) :]]

    def _begun(self, works: Sequence[Callable[[], T]]) -> Task[T] | None:
        if not self._idle.acquire(blocking=False):
            if not self._free.acquire(blocking=False):
                return None
            # A daemon: what hangs must not keep the process from ending.
            Thread(target=self._work, name="aside", daemon=True).start()
        task = Task(works)
        self._tasks.put(task)
        return task

    def _work(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE_S)
            except Empty:
                if self._idle.acquire(blocking=False):
                    self._free.release()
                    return
                continue  # someone counts on this thread, and is about to give it a task
            task.do()
            self._idle.release()  # first, so that who is told finds this thread for the next
            task.tell()


def waited_for(error: GivenUp, work: Callable[[], T]) -> T:
    """Return what work that was given up returns after all, however long it takes.

    Parameters
    ----------
    work
        The same; where it was not begun, the caller does it.
    """
    if error.task is None:
        return work()
    error.task.wait(inf)
    outcome: T | Exception = error.task.outcomes[0]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _followed(task: Task[T], until: Deadline) -> list[T | Exception]:
    """Return what came of a task's pieces, up to the first that was given up."""
    while True:
        before = len(task.outcomes)
        waited_s = max(until.left_s / 2, _LEAST_S)
        if task.wait(waited_s):
            return task.outcomes
        done = len(task.outcomes)
        if done == before or until.left_s < _LEAST_S:
            task.leave()
            return [*task.outcomes[:done], GivenUp("late", task, waited_s)]
