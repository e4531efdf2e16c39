"""Synonyms: the texts that are searched beside the one typed, from a file that may change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from search_rerank.engines.words import typed_words
from search_rerank.errors import ConfigError

log = logging.getLogger(__name__)

MAX_VARIANTS = 8
"""Texts searched for one typed text at most, the typed one among them."""
WEIGHT = 0.9
"""Of the word score that an item has by another text than the one typed."""
_MAX_BYTES = 10_000_000
_MAX_PHRASES = 100
Words = tuple[str, ...]


class Synonyms:
    """Reads a file in Solr's format, and again when it has changed.

    `tv, television` are searched for each other, `laptop => notebook computer` adds the right side
    to the left one only; phrases may have several words; `#` begins a comment.

    Parameters
    ----------
    path
        The file; None has no synonyms.

    Raises
    ------
    ConfigError
        Naming the file, the line and what is wrong with it. A file that turns wrong later is
        logged, and what was read before stays.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._others: dict[Words, list[str]] = {}
        self._longest = 0
        self._stamp: tuple[int, int] | None = None
        if path is not None:
            self._read(path, self._seen(path))

    def variants(self, text: str) -> list[str]:
        """Return the texts to search, the one typed first."""
        self._refresh()
        if not self._others:
            return [text]
        words, found = typed_words(text), [text]
        for start in range(len(words)):
            for end in range(min(len(words), start + self._longest), start, -1):
                for other in self._others.get(tuple(words[start:end]), ()):
                    found.append(" ".join([*words[:start], other, *words[end:]]))
        return list(dict.fromkeys(found))[:MAX_VARIANTS]

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            stamp = self._seen(self._path)
            if stamp != self._stamp:
                with self._lock:
                    self._read(self._path, stamp)
        except ConfigError as error:
            if self._stamp is not None:
                log.error("the synonyms read before stay: %s", error)
            self._stamp = None

    def _seen(self, path: Path) -> tuple[int, int]:
        try:
            status = path.stat()
        except OSError as error:
            raise ConfigError(
                f"retrieval.synonyms {path}: cannot be read ({error.strerror})"
            ) from None
        if status.st_size > _MAX_BYTES:
            raise ConfigError(
                f"retrieval.synonyms {path}: expected at most {_MAX_BYTES:,} bytes, "
                f"found {status.st_size:,}"
            )
        return status.st_mtime_ns, status.st_size

    def _read(self, path: Path, stamp: tuple[int, int]) -> None:
        others: dict[Words, list[str]] = {}
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"retrieval.synonyms {path}: cannot be read ({error})") from None
        for number, line in enumerate(text.splitlines(), start=1):
            for phrase, other in _pairs(line, f"{path}:{number}"):
                others.setdefault(phrase, []).append(" ".join(other))
        self._others, self._stamp = others, stamp
        self._longest = max(map(len, others), default=0)


def _pairs(line: str, where: str) -> Iterator[tuple[Words, Words]]:
    """Yield (what is typed, what is searched beside it) of one line."""
    rule = line.partition("#")[0].strip()
    if not rule:
        return
    sides = [[tuple(typed_words(part)) for part in side.split(",")] for side in rule.split("=>")]
    if len(sides) > 2 or not all(phrase for side in sides for phrase in side):
        raise ConfigError(
            f"{where}: expected phrases with commas between (`tv, television`), or one `=>` "
            f"(`laptop => notebook computer`), found {line!r:.80}"
        )
    if max(map(len, sides)) > _MAX_PHRASES or (len(sides) == 1 and len(sides[0]) == 1):
        raise ConfigError(
            f"{where}: expected 2 to {_MAX_PHRASES} phrases, found {max(map(len, sides))}"
        )
    for phrase in sides[0]:
        for other in sides[-1]:
            if phrase != other:
                yield phrase, other
