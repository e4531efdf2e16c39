"""Rows of changes that were not taken: counted, the first of each outcome named, all kept aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from search_rerank.data.refused import Refused
from search_rerank.engines.base import Outcome

TAKEN = ("written", "unchanged")
"""Outcomes after which the index is as the row says."""
REASONS = {
    "stale": "a newer state of the item is stored: send a later updated_at",
    "conflict": "others changed the item all the while: send the row again",
}
"""Of the outcomes that come without one."""
_MAX_ID = 60


class Untaken:
    """Collects what was not taken, in bounded memory; use it in a `with` block.

    Parameters
    ----------
    path
        File that gets each row of whatever outcome, see `Refused`; None writes nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.aside = Refused(path)
        self.outcomes: defaultdict[str, Refused] = defaultdict(Refused)
        """What was not taken, by outcome."""
        self._ids: defaultdict[str, list[str]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.aside.close()

    def add(self, file: str, line: int, outcome: Outcome, row: object, id_: object = None) -> None:
        """Count and keep a row, if it was not taken; without an id it is named by its line."""
        if outcome.status in TAKEN:
            return
        reason = outcome.reason or REASONS.get(outcome.status, "")
        alike = self.outcomes[outcome.status]
        self.aside.add(file, line, reason, row)
        alike.add(file, line, reason, row)
        if len(self._ids[outcome.status]) < len(alike.examples):
            self._ids[outcome.status].append("" if id_ is None else f"id {id_!r:.{_MAX_ID}}: ")

    def report(self) -> Iterator[str]:
        """Yield the lines that tell of each outcome how often, why, and the first rows."""
        for status, alike in self.outcomes.items():
            why = ", ".join(f"{n:,} {reason}" for reason, n in alike.reasons.most_common())
            yield f"{len(alike):,} {status}: {why}"
            for id_, one in zip(self._ids[status], alike.examples, strict=True):
                yield f"  {one.file}:{one.line}: {id_}{one.reason}"
        for what, n in self.aside.notes.most_common():
            yield f"{n:,} {what}"
        if len(self.aside) and self.aside.path is not None:
            yield f"  all of them in {self.aside.path}"
