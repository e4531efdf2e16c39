"""Where the words of the query stand in each candidate: beside the engine's one word score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.wording import Wording
from search_rerank.features.arrays import Columns, Placed, constant
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
_OF_PLACE = {"title_rarity_place": "title_rarity", "text_rarity_place": "text_rarity"}
_VALUES = tuple(name for name in _NAMES if name not in _OF_PLACE)


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
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
    place = {word: n for n, word in enumerate(dict.fromkeys(words.tolist()))}
    number = np.array([place[word] for word in words.tolist()])  # which different word each is
    hits = _Hits.among(list(place), moment.items, wording)
    named = hits.named().take(number, axis=2)  # (parts, n, words of the query)
    in_title = named[0]
    in_text: NDArray[np.bool_] = np.logical_or.reduce(named, axis=0)
    title_rarity, brand_rarity, other_rarity = named @ rarity
    title_covered, brand_covered, _ = hits.covered()
    title_first, title_last = hits.ends()
    found = (
        in_title.mean(axis=1),
        title_rarity,
        title_covered,
        hits.pairs(number),
        title_first,
        title_last,
        in_text.mean(axis=1),
        in_text @ rarity,
        in_text[:, digits].mean(axis=1) if digits.any() else constant(np.nan, n),
        brand_covered,
        brand_rarity,
        other_rarity,
    )
    values = np.array(found, dtype=np.float32)
    values[:, moment.items < 0] = np.nan
    by_name = dict(zip(_VALUES, values, strict=True))
    return {
        f"match.{name}": Placed(by_name[_OF_PLACE[name]]) if name in _OF_PLACE else by_name[name]
        for name in _NAMES
    }


@dataclass(frozen=True)
class _Hits:
    """The words of candidates that the query has, in the order of title, brand and others.

    Parameters
    ----------
    size
        int64 (parts, n), how many words each candidate has in each part.
    at
        int64 (h,): where each of those that the query has stands among all.
    cell
        int64 (h,): whose it is and in which part, a place in `size`.
    word
        int64 (h,): which of the query's different words it is.
    words
        How many these are.
    """

    size: NDArray[np.int64]
    at: NDArray[np.int64]
    cell: NDArray[np.int64]
    word: NDArray[np.int64]
    words: int

    @classmethod
    def among(cls, words: Sequence[int], items: NDArray[np.int32], wording: Wording) -> Self:
        """Look for a query's different words in the candidates."""
        there, size = wording.of(items)
        # Few words: to compare with each takes less than to search.
        found = [(there == word).nonzero()[0] for word in words]
        at = np.concatenate(found)
        order = at.argsort()
        at, word = at[order], np.arange(len(words)).repeat(list(map(len, found)))[order]
        return cls(size, at, size.cumsum().searchsorted(at, "right"), word, len(words))

    def named(self) -> NDArray[np.bool_]:
        """Return which words of the query each candidate has, bool (parts, n, u)."""
        named = np.zeros((self.size.size, self.words), dtype=np.bool_)
        named[self.cell, self.word] = True
        return named.reshape(*self.size.shape, self.words)

    def covered(self) -> NDArray[np.float64]:
        """Return the share of words that the query has, (parts, n), NaN without any."""
        hits = np.bincount(self.cell, minlength=self.size.size).reshape(self.size.shape)
        return hits / np.where(self.size > 0, self.size, np.nan)

    def pairs(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share of the query's neighbouring words that are neighbours in the title.

        `number` is int64 (q,), which of its different words each of its words is.
        """
        n = self.size.shape[1]
        if len(number) < 2:
            return np.full(n, np.nan)
        wanted = np.array(sorted(set((number[:-1] * self.words + number[1:]).tolist())))
        key = self.word[:-1] * self.words + self.word[1:]
        beside = (self.at[1:] == self.at[:-1] + 1) & (self.cell[1:] == self.cell[:-1])
        of_hit, of_wanted = ((key[:, None] == wanted) & beside[:, None]).nonzero()
        found = np.zeros((self.size.size, len(wanted)), dtype=np.bool_)
        found[self.cell[of_hit], of_wanted] = True
        share: NDArray[np.float64] = found[:n].mean(axis=1)
        return share

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where in the title the first and the last named word stands, NaN without any."""
        size = self.size[0]
        n, before = len(size), size.cumsum() - size
        cell = self.cell[self.cell < n]
        share = (self.at[: len(cell)] - before[cell]) / np.maximum(size[cell] - 1, 1)
        first, last = np.full((2, n), np.nan)
        last[cell] = share  # the last of a row is written last
        first[cell[::-1]] = share[::-1]
        return first, last
