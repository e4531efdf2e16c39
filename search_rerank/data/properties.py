"""The attributes of items that become features: words, lists of words, and numbers, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.data.spread import spread
from search_rerank.errors import ConfigError, nearest

Word = tuple[int, str]
"""Place of the attribute among the chosen ones, and its value."""


@dataclass(frozen=True)
class Properties:
    """Chosen attributes of all items, in the order of the catalogue.

    An attribute may be words in some items and a number in others; each kind goes its own way.

    Parameters
    ----------
    names
        The chosen attributes.
    words
        Every word they have; the same word under two attributes is two.
    owner
        int32 (w,), the place in `names` of the attribute of each word.
    word
        int32 (m,), places in `words`: those of one item together, each once.
    offsets
        int64 (n + 1,): item j has ``word[offsets[j]:offsets[j + 1]]``.
    numbers
        float32 (n, a), each attribute as a number, NaN where it is none; true is 1.
    """

    names: Sequence[str]
    words: Sequence[str]
    owner: NDArray[np.int32]
    word: NDArray[np.int32]
    offsets: NDArray[np.int64]
    numbers: NDArray[np.float32]

    def __bool__(self) -> bool:
        return bool(self.names)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def with_words(self) -> list[int]:
        """Places in `names` of the attributes that have words."""
        return [int(place) for place in np.unique(self.owner)]

    @cached_property
    def with_numbers(self) -> list[int]:
        """Places in `names` of the attributes that have numbers."""
        return [int(place) for place in np.flatnonzero(~np.isnan(self.numbers).all(axis=0))]

    @cached_property
    def rarity(self) -> NDArray[np.float64]:
        """The logarithm of items over items with the word, float64 (w,): how much it tells."""
        held = np.bincount(self.word, minlength=len(self.words))
        rarity: NDArray[np.float64] = np.log(max(len(self), 1) / np.maximum(held, 1))
        return rarity

    def of(self, items: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the words of items, as the row of `items` and the place in `words` of each.

        int64 (k,) and int32 (k,); an item below 0, which the catalogue does not hold, has none.
        """
        row, at = spread(self.offsets, items)
        return row, self.word.take(at)

    def numbers_of(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32 (k, a), NaN for an item below 0."""
        found = (
            self.numbers.take(items, axis=0)
            if len(self)
            else np.empty((len(items), len(self.names)), "f4")
        )
        found[items < 0] = np.nan
        return found

    @classmethod
    def from_items(cls, items: Sequence[Item], names: Sequence[str]) -> Properties:
        """Read the named attributes of items."""
        empty = cls(
            names=tuple(names),
            words=[],
            owner=np.zeros(0, dtype=np.int32),
            word=np.zeros(0, dtype=np.int32),
            offsets=np.zeros(1, dtype=np.int64),
            numbers=np.zeros((0, len(names)), dtype=np.float32),
        )
        return empty.extended(items)

    def extended(self, items: Sequence[Item]) -> Properties:
        """Return these columns with items at their end; old places keep their meaning."""
        known: dict[Word, int] = {
            pair: n for n, pair in enumerate(zip(self.owner.tolist(), self.words, strict=True))
        }
        word: list[int] = []
        offsets: list[int] = []
        for item in items:
            mine = dict.fromkeys(_words(item, self.names))
            word += [known.setdefault(pair, len(known)) for pair in mine]
            offsets.append(len(self.word) + len(word))
        numbers = [[_number(item.attributes.get(name)) for name in self.names] for item in items]
        added = np.array(numbers, dtype=np.float32).reshape(len(items), len(self.names))
        return replace(
            self,
            words=[text for _, text in known],
            owner=np.array([place for place, _ in known], dtype=np.int32),
            word=np.concatenate([self.word, np.array(word, dtype=np.int32)]),
            offsets=np.concatenate([self.offsets, np.array(offsets, dtype=np.int64)]),
            numbers=np.concatenate([self.numbers, added]),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns as plain arrays, names and words as fixed-width unicode."""
        return {
            "names": np.array(self.names, dtype=np.str_),
            "words": np.array(self.words, dtype=np.str_),
            **{name: getattr(self, name) for name in _NUMERIC},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Properties:
        """Rebuild what `arrays` returned."""
        return cls(
            names=tuple(arrays["names"].tolist()),
            words=arrays["words"].tolist(),
            **{name: arrays[name] for name in _NUMERIC},  # type: ignore[arg-type]
        )


def check_names(items: Sequence[Item], names: Sequence[str]) -> None:
    """Refuse a chosen attribute that no item has.

    Raises
    ------
    ConfigError
        Naming the nearest attribute that there is.
    """
    known: dict[str, None] = {}
    for item in items:
        known |= dict.fromkeys(item.attributes)
    for name in names:
        if name not in known:
            raise ConfigError(
                f"features.attributes: no item has the attribute {name!r}{nearest(name, known)}"
            )


_NUMERIC = ("owner", "word", "offsets", "numbers")


def _words(item: Item, names: Sequence[str]) -> list[Word]:
    found: list[Word] = []
    for place, name in enumerate(names):
        value = item.attributes.get(name)
        if isinstance(value, str):
            found.append((place, value))
        elif isinstance(value, list):
            found += [(place, text) for text in value]
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
