"""Work in threads beside a request, so that the request can go on without it."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Lock, Thread
from typing import Any, Generic, Protocol, TypeVar

from search_rerank.guarding.breaker import Running
from search_rerank.guarding.deadline import Deadline

T = TypeVar("T")
LEAST_S = 0.001
"""With less time left nothing more is begun."""
_IDLE_S = 30.0


class Work(Running, Protocol):
    """Work that was begun, and that one may wait for after all."""

    def wait(self) -> Any:
        """Return what it returns, or raise what it raises, however long it takes."""


class GivenUp(Exception):
    """The request went on without the work.

    Parameters
    ----------
    reason
        `late`, or `busy` where no thread was free to begin it.
    work
        What still runs; None where it was not begun.
    waited_s
        How long it had.
    """

    def __init__(self, reason: str, work: Work | None = None, waited_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.work = work
        self.waited_s = waited_s


class Task(Generic[T]):
    """One piece of work that a thread does."""

    def __init__(self, do: Callable[[], T]) -> None:
        self._do = do
        self._told = Lock()
        self._told.acquire()
        self._found: T
        self._error: BaseException | None = None
        self.ended = False

    def run(self) -> None:
        """Do the work."""
        try:
            self._found = self._do()
        except BaseException as error:  # it is told to who waits
            self._error = error
        self.ended = True

    def tell(self) -> None:
        """Let who waits go on."""
        self._told.release()

    def done(self, seconds: float) -> bool:
        """Return whether it was done within some seconds; one thread may wait."""
        if self._told.acquire(timeout=min(seconds, TIMEOUT_MAX)):
            self._told.release()
            return True
        return False

    def wait(self) -> T:
        """Return what it returns, or raise what it raises, however long it takes."""
        self.done(TIMEOUT_MAX)
        if self._error is not None:
            raise self._error
        return self._found


class Aside:
    """A few threads, begun as they are needed, that nobody waits for longer than they want to.

    Python cannot interrupt a thread: one whose work was given up is out of use until that ends.

    Parameters
    ----------
    threads
        At most; what finds none free is not begun.
    """

    def __init__(self, threads: int = 32) -> None:
        self._lock = Lock()
        self._free = threads
        self._idle = 0
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
        if left_s < LEAST_S:
            raise GivenUp("late")
        task = self.begin(work)
        if task is None:
            raise GivenUp("busy")
        if not task.done(left_s):
            raise GivenUp("late", task, left_s)
        return task.wait()

    def begin(self, work: Callable[[], T]) -> Task[T] | None:
        """Begin a piece of work; return None where no thread is free."""
        task = Task(work)
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._free:
                self._free -= 1
                # A daemon: what hangs must not keep the process from ending.
                Thread(target=self._work, name="aside", daemon=True).start()
            else:
                return None
        self._tasks.put(task)
        return task

    def _work(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE_S)
            except Empty:
                with self._lock:
                    if not self._idle:
                        continue  # someone counts on this thread, and is about to give it a task
                    self._idle -= 1
                    self._free += 1
                    return
            task.run()
            with self._lock:  # first, so that who is told finds this thread for the next
                self._idle += 1
            task.tell()
            del task


def waited_for(error: GivenUp, work: Callable[[], T]) -> T:
    """Return what work that was given up returns after all, however long it takes.

    Parameters
    ----------
    work
        The same; where it was not begun, the caller does it.
    """
    if error.work is None:
        return work()
    found: T = error.work.wait()
    return found
