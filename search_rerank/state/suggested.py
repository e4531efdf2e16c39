"""Past queries in the order of their texts, found by how they begin."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container
from heapq import nlargest


class Suggested:
    """The texts that may be suggested; sorted only when they are read."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._in_order = True

    def add(self, text: str) -> None:
        """Add a text that is not held."""
        self._texts.append(text)
        self._in_order = False

    def keep(self, kept: Container[str]) -> None:
        """Drop the texts that are not among some."""
        self._texts = [text for text in self._texts if text in kept]

    def remove(self, text: str) -> None:
        """Drop one text, if it is held."""
        self._sort()
        at = bisect_left(self._texts, text)
        if self._texts[at : at + 1] == [text]:
            del self._texts[at]

    def starting_with(
        self, start: str, n: int, uses: Callable[[str], int]
    ) -> list[tuple[str, int]]:
        """Return the n most used texts that begin with one, as (text, uses); ties by text."""
        self._sort()
        low = bisect_left(self._texts, start)
        high = bisect_left(self._texts, start + "\U0010ffff", low)
        found = ((text, uses(text)) for text in self._texts[low:high])
        return nlargest(n, found, key=lambda pair: (pair[1], _backwards(pair[0])))

    def _sort(self) -> None:
        if not self._in_order:
            self._texts.sort()
            self._in_order = True


def _backwards(text: str) -> tuple[int, ...]:
    """Return a key under which texts are in falling order: ties of use are in rising order."""
    return tuple(-ord(character) for character in text) + (1,)
