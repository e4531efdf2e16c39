"""Synonyms: the texts that are searched beside the one typed, from a file that may change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from search_rerank.engines.words import typed_words, words_of
from search_rerank.errors import ConfigError

log = logging.getLogger(__name__)

MAX_VARIANTS = 8
"""Texts searched for one typed text at most, the typed one among them."""
WEIGHT = 0.9
"""Of the word score that an item has by another text than the one typed."""
_MAX_BYTES = 10_000_000
_MAX_PHRASES = 100
Words = tuple[str, ...]
Table = dict[Words, list[str]]


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
        self._stamp = None if path is None else _stamp_of(path)
        self._others: Table = {} if path is None else _read(path)

    def variants(self, text: str) -> list[str]:
        """Return the texts to search, the one typed first; in each other one phrase is replaced."""
        found = [text]
        for phrase, start, end in self._phrases(text):
            for other in self._others.get(phrase, ()):
                found.append(_joined(_joined(text[:start], other), text[end:]))
        return list(dict.fromkeys(found))[:MAX_VARIANTS]

    def words(self, text: str) -> frozenset[str]:
        """Return the words of a text, as `typed_words` gives them, that a synonym stands for."""
        return frozenset(word for phrase, _, _ in self._phrases(text) for word in phrase)

    def _phrases(self, text: str) -> Iterator[tuple[Words, int, int]]:
        """Yield the phrases of a text that have synonyms, with their places."""
        self._refresh()
        if not self._others:
            return
        longest = max(map(len, self._others))
        places = [word.span() for word in words_of(text)]
        words = ["".join(typed_words(text[start:end])) for start, end in places]
        for first in range(len(words)):
            for after in range(min(len(words), first + longest), first, -1):
                if (phrase := tuple(words[first:after])) in self._others:
                    yield phrase, places[first][0], places[after - 1][1]

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            stamp = _stamp_of(self._path)
        except ConfigError as error:
            if self._stamp is not None:
                log.error("the synonyms read before stay: %s", error)
            self._stamp = None
            return
        if stamp == self._stamp:
            return
        with self._lock:
            if stamp == self._stamp:
                return
            self._stamp = stamp  # also of a wrong file, which is read and told of once
            try:
                self._others = _read(self._path)
            except ConfigError as error:
                log.error("the synonyms read before stay: %s", error)


def _stamp_of(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"retrieval.synonyms {path}: cannot be read ({error.strerror})") from None
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> Table:
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise ConfigError(
                f"retrieval.synonyms {path}: expected at most {_MAX_BYTES:,} bytes, found {size:,}"
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"retrieval.synonyms {path}: cannot be read ({error})") from None
    others: Table = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for phrase, other in _pairs(line, f"{path}:{number}"):
            others.setdefault(phrase, []).append(other)
    return others


def _joined(left: str, right: str) -> str:
    """Return two texts one behind the other, with a space where their words would become one."""
    seam = left[-1:] + right[:1]
    return f"{left} {right}" if len(seam) == 2 and _is_word(seam) else left + right


def _is_word(text: str) -> bool:
    return [word.span() for word in words_of(text)] == [(0, len(text))]


def _pairs(line: str, where: str) -> Iterator[tuple[Words, str]]:
    """Yield (what is typed, what is searched beside it) of one line."""
    rule = line.partition("#")[0].strip()
    if not rule:
        return
    sides = [[part.strip() for part in side.split(",")] for side in rule.split("=>")]
    if len(sides) > 2 or not all(typed_words(phrase) for side in sides for phrase in side):
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
            if (words := tuple(typed_words(phrase))) != tuple(typed_words(other)):
                yield words, other
