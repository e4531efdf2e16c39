"""What was refused while reading, counted, with a file of the rows to correct and load again."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import orjson

from search_rerank.data.lines import Problem

_FOUND = re.compile(r", found .*?(?=; |$)", re.DOTALL)
_MAX_KINDS = 50
_MAX_EXAMPLES = 5
_OTHER = "other reasons"


@dataclass(frozen=True)
class Refusal:
    """One refused row: the file's name, the line's number, and what is wrong."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class Refused:
    """Collects refusals in bounded memory; use it in a `with` block, or call `close`.

    Parameters
    ----------
    path
        File that gets one JSON line `{"file", "line", "reason", "row"}` for each refusal, written
        beside it as `PATH.part` and renamed when closed, so that the rows may come from a file of
        that very name. Not touched where nothing is refused. None writes nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        """Refusals by reason, without the part that differs from row to row."""
        self.notes: Counter[str] = Counter()
        """What was left out or replaced without refusing a row."""
        self.examples: list[Refusal] = []
        """The first few."""
        self.cut_off: str | None = None
        """The name of the first file that ended early or damaged: some of its rows are missing."""
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return self.reasons.total()

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, file: str, line: int, reason: str, row: object) -> None:
        """Count one refused row and write it to the file."""
        kind = _FOUND.sub("", reason)
        if kind not in self.reasons and len(self.reasons) >= _MAX_KINDS:
            kind = _OTHER
        self.reasons[kind] += 1
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(Refusal(file, line, reason))
        if self.path is None:
            return
        if self._file is None:
            self._file = self._part(self.path).open("wb")
        options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
        entry = {"file": file, "line": line, "reason": reason, "row": row}
        self._file.write(orjson.dumps(entry, option=options))

    def add_problem(self, file: str, line: int, problem: Problem) -> None:
        """Count a row that could not be read, and remember the file where it ends there."""
        if problem.cut_off and self.cut_off is None:
            self.cut_off = file
        self.add(file, line, problem.reason, problem.raw)

    def note(self, what: str, n: int = 1) -> None:
        """Count something left out or replaced for which no row is refused."""
        self.notes[what] += n

    def close(self) -> None:
        """Finish the file."""
        if self._file is None or self.path is None:
            return
        self._file.close()
        self._file = None
        self._part(self.path).replace(self.path)

    def summary(self) -> str:
        """Return one line such as `3 refused: 2 id is repeated, 1 title is missing`."""
        parts = [f"{len(self):,} refused"]
        if self.reasons:
            by_reason = (f"{n:,} {reason}" for reason, n in self.reasons.most_common())
            parts[0] += ": " + ", ".join(by_reason)
        parts += [f"{n:,} {what}" for what, n in self.notes.most_common()]
        return "; ".join(parts)

    @staticmethod
    def _part(path: Path) -> Path:
        return path.with_name(path.name + ".part")
