"""Progress of the long commands, on standard error and only at a terminal."""

from __future__ import annotations

from typing import Any, Self


class Bars:
    """One bar for each thing that is being done; called as `search_rerank.training.Progress`."""

    def __init__(self) -> None:
        self._what: str | None = None
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far a thing has come."""
        from tqdm import tqdm

        if what != self._what:
            self._finish()
            self._what = what
            self._bar = tqdm(total=total, desc=what, leave=False, disable=None, mininterval=0.3)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
