"""Where the words of the query stand in each candidate: beside the engine's one word score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.wording import PARTS, Part, Wording
from search_rerank.features.arrays import Column, constant, place
from search_rerank.features.moment import Moment

_NAMES = (
    "title_share",
    "title_rarity",
    "title_rarity_place",
    "title_covered",
    "title_pairs",
    "title_first",
    "title_last",
    "text_share",
    "text_rarity",
    "text_rarity_place",
    "digits",
    "brand_covered",
    "brand_rarity",
    "other_rarity",
)


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the match group: shares of the query's words, plain and by rarity (idf).

    `title_` of the title, `text_` of title, brand, category and attributes together;
    `title_covered` is the share of the title that the query names, `title_pairs` that of the
    query's neighbouring words which are neighbours there, `title_first` and `title_last` where in
    the title the first and the last named word stands, 0 to 1; `digits` the share of its words with
    digits in the text, `brand_covered` the share of the brand's words that the query names,
    `brand_rarity` and `other_rarity` the share of the query's words in the brand, and in category
    and attributes. NaN without words, for items that the catalogue does not hold, and where there
    is nothing to name.
    """
    n = len(moment.items)
    wording = catalogue.wording
    words, digits = wording.asked(moment.query.text)
    if len(words) == 0 or n == 0:
        return {f"match.{name}": constant(np.nan, n) for name in _NAMES}
    rarity = wording.rarity(words)
    rarity /= max(float(rarity.sum()), 1e-9)
    unique, number = np.unique(words, return_inverse=True)
    title, brand, other = (
        _Found.among(unique, number, moment.items, wording, part) for part in PARTS
    )
    known = moment.items >= 0
    in_title, in_text = title.named, title.named | brand.named | other.named
    title_rarity, text_rarity, brand_rarity, other_rarity = (
        np.where(known, of @ rarity, np.nan) for of in (in_title, in_text, brand.named, other.named)
    )
    found = (
        in_title.mean(axis=1),
        title_rarity,
        place(title_rarity),
        title.covered(),
        title.pairs(number),
        *title.ends(),
        in_text.mean(axis=1),
        text_rarity,
        place(text_rarity),
        in_text[:, digits].mean(axis=1) if digits.any() else constant(np.nan, n),
        brand.covered(),
        brand_rarity,
        other_rarity,
    )
    return {
        f"match.{name}": np.where(known, column, np.nan).astype(np.float32)
        for name, column in zip(_NAMES, found, strict=True)
    }


@dataclass(frozen=True)
class _Found:
    """The words of some candidates, and which of the query's each of them is.

    Parameters
    ----------
    row, place
        int64 (m,): whose word, and where it stands among its row's.
    size
        int64 (n,), how many words each candidate has.
    asked
        int64 (m,): the number of that word among the query's different ones, -1 for none of them.
    named
        bool (n, q): which words of the query each candidate has.
    """

    row: NDArray[np.int64]
    place: NDArray[np.int64]
    size: NDArray[np.int64]
    asked: NDArray[np.int64]
    named: NDArray[np.bool_]

    @classmethod
    def among(
        cls,
        words: NDArray[np.uint32],
        number: NDArray[np.int64],
        items: NDArray[np.int32],
        wording: Wording,
        part: Part,
    ) -> _Found:
        """Look for a query in one part of the candidates' words.

        Parameters
        ----------
        words
            uint32 (u,), its different words.
        number
            int64 (q,), which of these each of its words is.
        """
        row, place, there = wording.of(items, part)
        asked = np.full(len(there), -1, dtype=np.int64)
        has = np.zeros((len(items), len(words)), dtype=np.bool_)
        for n, word in enumerate(words):  # few: to compare with each takes less than to search
            mine = np.flatnonzero(there == word)
            asked[mine] = n
            has[row[mine], n] = True
        size = np.bincount(row, minlength=len(items))
        return cls(row, place, size, asked, has[:, number])

    def covered(self) -> NDArray[np.float64]:
        """Return the share of each candidate's words that the query has, NaN without any."""
        hits = np.bincount(self.row[self.asked >= 0], minlength=len(self.size))
        return np.where(self.size > 0, hits / np.maximum(self.size, 1), np.nan)

    def pairs(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share of the query's neighbouring words that are neighbours here.

        `number` is int64 (q,), which of its different words each of its words is.
        """
        n = len(self.size)
        if len(number) < 2:
            return np.full(n, np.nan)
        unique = int(number.max()) + 1
        wanted = np.unique(number[:-1] * unique + number[1:])
        one, next_one = self.asked[:-1], self.asked[1:]
        both = (one >= 0) & (next_one >= 0) & (self.row[:-1] == self.row[1:])
        keys = one[both] * unique + next_one[both]
        right = np.isin(keys, wanted)
        once = np.unique(self.row[:-1][both][right] * unique**2 + keys[right])
        return np.bincount(once // unique**2, minlength=n) / len(wanted)

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the first and the last named word stands, NaN where none is named."""
        hit = np.flatnonzero(self.asked >= 0)
        share = self.place[hit] / np.maximum(self.size[self.row[hit]] - 1, 1)
        first, last = np.full((2, len(self.size)), np.nan)
        last[self.row[hit]] = share  # the last of a row is written last
        first[self.row[hit][::-1]] = share[::-1]
        return first, last
