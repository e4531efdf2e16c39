"""The words of all items as columns, so that a query's words can be looked for among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Literal, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.data.spread import spread
from search_rerank.languages import LANGUAGES, as_indexed, as_searched

TITLE_WORDS = 40
"""Words of a title after these are not kept."""
QUERY_WORDS = 64
"""Words of a query after these are not looked for."""
OTHER_WORDS = 60
"""Different words kept of category and attributes, in this order."""
Part = Literal["title", "brand", "other"]
PARTS: tuple[Part, ...] = get_args(Part)
_WORD = re.compile(r"\w{1,40}")
_STEMS = 100_000
_BITS = np.uint64(32)
_LOW = np.uint64(2**32 - 1)


@dataclass(frozen=True)
class Titles:
    """Titles as sparse rows of unit length, each word once and weighing its rarity.

    Parameters
    ----------
    word
        int32 (m,), numbers of words below `words`, those of one item together.
    value
        float32 (m,), beside `word`.
    offsets
        int64 (n + 1,): item j has ``word[offsets[j]:offsets[j + 1]]``.
    words
        How many different words there are in all.
    """

    word: NDArray[np.int32]
    value: NDArray[np.float32]
    offsets: NDArray[np.int64]
    words: int

    def of(
        self, items: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Return the words of items: the row of `items`, the word and its value, each (k,).

        An item below 0, which the catalogue does not hold, has none.
        """
        row, at = spread(self.offsets, items)
        return row, self.word.take(at), self.value.take(at)

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """The square of each title's length, float64 (n,): 1, or 0 for one without words."""
        n = len(self.offsets) - 1
        owner = np.arange(n).repeat(np.diff(self.offsets))
        squares = np.bincount(owner, weights=self.value**2, minlength=n)
        return squares.astype(np.float64, copy=False)


@dataclass(frozen=True)
class Wording:
    """The words of items, each as the hash of its stem, in the order of the catalogue.

    Parameters
    ----------
    language
        Key of `search_rerank.languages.LANGUAGES` by which words are cut and stemmed.
    title, brand, other
        uint32, the words of one item together: of its title and of its brand in their order, of
        its category and attributes each once.
    title_offsets, brand_offsets, other_offsets
        int64 (n + 1,): item j has ``title[title_offsets[j]:title_offsets[j + 1]]``.
    """

    language: str
    title: NDArray[np.uint32]
    title_offsets: NDArray[np.int64]
    brand: NDArray[np.uint32]
    brand_offsets: NDArray[np.int64]
    other: NDArray[np.uint32]
    other_offsets: NDArray[np.int64]

    @classmethod
    def from_items(cls, items: Sequence[Item], language: str) -> Wording:
        """Read the words of items."""
        none, start = np.zeros(0, dtype=np.uint32), np.zeros(1, dtype=np.int64)
        return cls(language, none, start, none, start, none, start).extended(items)

    def extended(self, items: Sequence[Item]) -> Wording:
        """Return these columns with items at their end."""
        hashed, language = _hashed(self.language), LANGUAGES[self.language]

        def words(text: str) -> list[int]:
            return [hashed(word) for word in _WORD.findall(_folded(as_indexed(text, language)))]

        titles = [words(item.title)[:TITLE_WORDS] for item in items]
        brands = [words(item.brand or "") for item in items]
        others = [list(dict.fromkeys(words(_other(item))))[:OTHER_WORDS] for item in items]
        title, title_offsets = _joined(self.title, self.title_offsets, titles)
        brand, brand_offsets = _joined(self.brand, self.brand_offsets, brands)
        other, other_offsets = _joined(self.other, self.other_offsets, others)
        return Wording(
            self.language, title, title_offsets, brand, brand_offsets, other, other_offsets
        )

    def _part(self, part: Part) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        return getattr(self, part), getattr(self, f"{part}_offsets")

    def asked(self, text: str) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """Return the words of a query in their order, and which of them hold a digit."""
        hashed = _hashed(self.language)
        words = _WORD.findall(_folded(as_searched(text, LANGUAGES[self.language])))[:QUERY_WORDS]
        numbers = np.array([hashed(word) for word in words], dtype=np.uint32)
        digits = np.array([any(map(str.isdigit, word)) for word in words], dtype=np.bool_)
        return numbers, digits

    def of(self, items: NDArray[np.int32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return the words of items, part by part of `PARTS`, and how many each item has in it.

        uint32 (k,) and int64 (parts, n): first the titles' words, item by item and in their order.
        An item below 0, which the catalogue does not hold, has none.
        """
        parts = [self._part(part) for part in PARTS]
        start = np.array([offsets[items] for _, offsets in parts])
        size = np.array([offsets[items + 1] for _, offsets in parts]) - start
        size[:, items < 0] = 0
        ends = size.cumsum()
        at = (start.ravel() - ends + size.ravel()).repeat(size.ravel()) + np.arange(ends[-1])
        of_part = np.split(at, ends[len(items) - 1 :: len(items)][:-1])
        found = [column[at] for (column, _), at in zip(parts, of_part, strict=True)]
        return np.concatenate(found), size

    def rarity(self, words: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the inverse document frequency of words, float32: ln(1 + n / (1 + items with it)).

        (Spärck Jones, 1972, smoothed.)
        """
        known, count = self._frequencies
        at = np.searchsorted(known, words)
        have = np.where(known[at] == words, count[at], 0)
        return np.log1p((len(self.title_offsets) - 1) / (1.0 + have)).astype(np.float32)

    @cached_property
    def _frequencies(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Every word, ascending, and in how many items it is; last one that is above all words."""
        parts = [self._part(part) for part in PARTS]
        owner = [np.repeat(np.arange(len(at) - 1), np.diff(at)) for _, at in parts]
        word = np.concatenate([column for column, _ in parts]).astype(np.uint64)
        pairs = np.unique((word << _BITS) | np.concatenate(owner).astype(np.uint64))
        known, count = np.unique(pairs >> _BITS, return_counts=True)
        return np.append(known, np.uint64(1) << _BITS), np.append(count, 0)

    @cached_property
    def titles(self) -> Titles:
        """The titles as rows of the words' rarity."""
        known, _ = self._frequencies
        owner = np.repeat(np.arange(len(self.title_offsets) - 1), np.diff(self.title_offsets))
        pairs = np.unique((owner.astype(np.uint64) << _BITS) | self.title.astype(np.uint64))
        row, word = (pairs >> _BITS).astype(np.int64), (pairs & _LOW).astype(np.uint32)
        rarity = self.rarity(word)
        length = np.sqrt(np.bincount(row, rarity**2, minlength=len(self.title_offsets) - 1))
        return Titles(
            word=np.searchsorted(known, word).astype(np.int32),
            value=(rarity / length[row]).astype(np.float32),
            offsets=np.searchsorted(row, np.arange(len(self.title_offsets))).astype(np.int64),
            words=len(known),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns as plain arrays."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return {"language": np.array([self.language], dtype=np.str_), **columns}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Wording:
        """Rebuild what `arrays` returned."""
        columns = {name: arrays[name] for name in _COLUMNS}
        return cls(language=str(arrays["language"][0]), **columns)  # type: ignore[arg-type]


_COLUMNS = tuple(name for part in PARTS for name in (part, f"{part}_offsets"))


def _other(item: Item) -> str:
    # By name: a file that was written and read again may have them in another order.
    values = (
        " ".join(value) if isinstance(value, list) else value
        for _, value in sorted(item.attributes.items())
        if isinstance(value, str | list)
    )
    return " ".join([*item.category, *values])


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache
def _hashed(language: str) -> Callable[[str], int]:
    """Return what gives a word's hash by its stem; one for all catalogues of a language."""
    import snowballstemmer

    name = LANGUAGES[language].stemmer

    @lru_cache(_STEMS)
    def hashed(word: str) -> int:
        # A stemmer keeps the word it works on and threads share this: each word has its own.
        stemmed = snowballstemmer.stemmer(name).stemWord(word) if name else word
        return crc32(stemmed.encode())

    return hashed


def _joined(
    words: NDArray[np.uint32], offsets: NDArray[np.int64], more: Sequence[Sequence[int]]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return a column with the words of more items, and its offsets."""
    flat = np.fromiter(chain.from_iterable(more), dtype=np.uint32)
    ends = offsets[-1] + np.cumsum([len(row) for row in more], dtype=np.int64)
    return np.concatenate([words, flat]), np.concatenate([offsets, ends])
