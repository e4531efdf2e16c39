"""All items of a shop as columns, the form that scorers and features read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import UNKNOWN, IdMap
from search_rerank.data.item import Item
from search_rerank.data.item_rows import ItemRows
from search_rerank.data.properties import Properties
from search_rerank.data.wording import Wording

MAX_ATTRIBUTES = 8
_PROPERTY = "property_"
_WORDING = "wording_"
"""What the names of the arrays of properties and of words begin with."""


@dataclass(frozen=True)
class Catalogue:
    """Items as columns; position in every column is the item's number in `ids`.

    Parameters
    ----------
    ids
        The items' ids.
    brand
        int32 (n,), number of the brand in `brands`, -1 where none.
    category
        int32 (n, depth), number of each level of the category path in `categories` (a level is
        known by its whole path), -1 past the end of the path.
    price
        float32 (n,), NaN where none.
    rating
        float32 (n,), NaN where none.
    rating_count
        float32 (n,), NaN where none.
    title_words
        float32 (n,), number of words of the title.
    brands, categories
        Names of the numbers above; a category is written `Beauty > Makeup`.
    vectors
        float32 (n, d) unit rows of the encoder, or shape (n, 0) when nothing was encoded.
    attributes
        int32 (n, a), for each of the common attributes (a word that at least one item in ten has)
        the number of its value, -1 where the item has none; at most `MAX_ATTRIBUTES`.
    attribute_values
        Name of each common attribute to its values, in the order of the numbers above.
    properties
        The attributes that were chosen to become features.
    wording
        The words of titles and of brand, category and attributes.
    """

    ids: IdMap
    brand: NDArray[np.int32]
    category: NDArray[np.int32]
    price: NDArray[np.float32]
    rating: NDArray[np.float32]
    rating_count: NDArray[np.float32]
    title_words: NDArray[np.float32]
    brands: Sequence[str]
    categories: Sequence[str]
    vectors: NDArray[np.float32]
    attributes: NDArray[np.int32]
    attribute_values: Mapping[str, Sequence[str]]
    properties: Properties
    wording: Wording

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def leaf(self) -> NDArray[np.int32]:
        """The deepest category of each item, int32 (n,), -1 where it has none."""
        depth = (self.category >= 0).sum(axis=1)
        if self.category.shape[1] == 0:
            return np.full(len(self), UNKNOWN, dtype=np.int32)
        deepest = self.category[np.arange(len(self)), np.maximum(depth - 1, 0)]
        return np.where(depth > 0, deepest, UNKNOWN).astype(np.int32)

    @cached_property
    def department(self) -> NDArray[np.int32]:
        """The category of each item on the first level with several, int32 (n,), -1 for none."""
        levels = (self.level(level) for level in range(self.category.shape[1]))
        several = (one for one in levels if len(np.unique(one[one >= 0])) > 1)
        return next(several, self.level(0))

    @cached_property
    def rows(self) -> ItemRows:
        """What features read of the items."""
        price, count = self.price, self.rating_count
        return ItemRows.of(
            [price, np.log1p(price), self.rating, np.log1p(count), self.title_words],
            [self.level(0), self.level(1), self.brand, self.leaf, self.department],
        )

    @cached_property
    def squares(self) -> NDArray[np.float32]:
        """The square of each vector's length, float32 (n,): 1, or 0 for an item without one."""
        squares: NDArray[np.float32] = np.einsum("nd,nd->n", self.vectors, self.vectors)
        return squares

    def level(self, level: int) -> NDArray[np.int32]:
        """Return each item's category at a level of its path, int32 (n,), -1 where it has none."""
        if level >= self.category.shape[1]:
            return np.full(len(self), UNKNOWN, dtype=np.int32)
        return self.category[:, level]

    @classmethod
    def from_items(
        cls,
        items: Iterable[Item],
        vectors: NDArray[np.float32] | None = None,
        properties: Sequence[str] = (),
        language: str = "en",
    ) -> Catalogue:
        """Build the columns of items.

        Parameters
        ----------
        vectors
            float32 (n, d), rows in the same order; None where nothing was encoded.
        properties
            Names of the attributes that become features.
        language
            How words are cut and stemmed, one of `languages.LANGUAGES`.
        """
        rows = list(items)
        brands, categories = IdMap(), IdMap()
        depth = max((len(item.category) for item in rows), default=0)
        brand = np.full(len(rows), UNKNOWN, dtype=np.int32)
        category = np.full((len(rows), depth), UNKNOWN, dtype=np.int32)
        for n, item in enumerate(rows):
            if item.brand is not None:
                brand[n] = brands.add(item.brand)
            for level in range(len(item.category)):
                category[n, level] = categories.add(" > ".join(item.category[: level + 1]))
        empty = np.zeros((len(rows), 0), dtype=np.float32)
        values = {name: IdMap() for name in _common_attributes(rows)}
        return cls(
            ids=IdMap(item.id for item in rows),
            brand=brand,
            category=category,
            price=_column(item.price for item in rows),
            rating=_column(item.rating for item in rows),
            rating_count=_column(item.rating_count for item in rows),
            title_words=_column(len(item.title.split()) for item in rows),
            brands=brands.ids(),
            categories=categories.ids(),
            vectors=empty if vectors is None else vectors.astype(np.float32, copy=False),
            attributes=_numbered(rows, values),
            attribute_values={name: numbers.ids() for name, numbers in values.items()},
            properties=Properties.from_items(rows, properties),
            wording=Wording.from_items(rows, language),
        )

    def extended(self, items: Iterable[Item], vectors: NDArray[np.float32]) -> Catalogue:
        """Return this catalogue with items at its end, so that old numbers keep their meaning.

        Parameters
        ----------
        items
            None of them held already. Which attributes are common stays.
        vectors
            float32 (m, d), a row for each of them.
        """
        rows = list(items)
        added = Catalogue.from_items(rows, vectors, language=self.wording.language)
        brands, categories = IdMap(self.brands), IdMap(self.categories)
        brand = _renumbered(added.brand, [brands.add(name) for name in added.brands])
        category = _renumbered(added.category, [categories.add(name) for name in added.categories])
        depth = max(self.category.shape[1], category.shape[1])
        values = {name: IdMap(known) for name, known in self.attribute_values.items()}
        attributes = np.concatenate([self.attributes, _numbered(rows, values)])
        return Catalogue(
            ids=IdMap([*self.ids.ids(), *added.ids.ids()]),
            brand=np.concatenate([self.brand, brand]),
            category=np.concatenate([_widened(self.category, depth), _widened(category, depth)]),
            price=np.concatenate([self.price, added.price]),
            rating=np.concatenate([self.rating, added.rating]),
            rating_count=np.concatenate([self.rating_count, added.rating_count]),
            title_words=np.concatenate([self.title_words, added.title_words]),
            brands=brands.ids(),
            categories=categories.ids(),
            vectors=np.concatenate([self.vectors, added.vectors]),
            attributes=attributes,
            attribute_values={name: numbers.ids() for name, numbers in values.items()},
            properties=self.properties.extended(rows),
            wording=self.wording.extended(rows),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns as plain arrays, strings as fixed-width unicode; no pickle."""
        values = self.attribute_values.values()
        return {
            "ids": np.array(self.ids.ids(), dtype=np.str_),
            "brands": np.array(self.brands, dtype=np.str_),
            "categories": np.array(self.categories, dtype=np.str_),
            "attribute_names": np.array(list(self.attribute_values), dtype=np.str_),
            "attribute_value": np.array(list(chain(*values)), dtype=np.str_),
            "attribute_count": np.array([len(of) for of in values], dtype=np.int64),
            **{name: getattr(self, name) for name in _NUMERIC},
            **{_PROPERTY + name: of for name, of in self.properties.arrays().items()},
            **{_WORDING + name: of for name, of in self.wording.arrays().items()},
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Catalogue:
        """Rebuild a catalogue from what `arrays` returned."""
        # Nothing is cut into one part, of no name.
        cuts = np.cumsum(arrays["attribute_count"])[:-1]
        values = [part.tolist() for part in np.split(arrays["attribute_value"], cuts)]
        return cls(
            ids=IdMap(arrays["ids"].tolist()),
            brands=arrays["brands"].tolist(),
            categories=arrays["categories"].tolist(),
            attribute_values=dict(zip(arrays["attribute_names"].tolist(), values, strict=False)),
            properties=Properties.from_arrays(_under(_PROPERTY, arrays)),
            wording=Wording.from_arrays(_under(_WORDING, arrays)),
            **{name: arrays[name] for name in _NUMERIC},  # type: ignore[arg-type]
        )


_NUMERIC = (
    "brand",
    "category",
    "price",
    "rating",
    "rating_count",
    "title_words",
    "vectors",
    "attributes",
)


def _under(start: str, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(start): of for name, of in arrays.items() if name.startswith(start)}


def _common_attributes(items: Sequence[Item]) -> list[str]:
    words = Counter(
        name for item in items for name, value in item.attributes.items() if isinstance(value, str)
    )
    least = max(1, len(items) // 10)
    return [name for name, n in words.most_common() if n >= least][:MAX_ATTRIBUTES]


def _numbered(items: Sequence[Item], values: Mapping[str, IdMap]) -> NDArray[np.int32]:
    """Return the number of each item's value of each attribute, new values added to the maps."""
    found = np.full((len(items), len(values)), UNKNOWN, dtype=np.int32)
    for place, (name, numbers) in enumerate(values.items()):
        for row, item in enumerate(items):
            if isinstance(value := item.attributes.get(name), str):
                found[row, place] = numbers.add(value)
    return found


def _renumbered(numbers: NDArray[np.int32], new: Sequence[int]) -> NDArray[np.int32]:
    """Return numbers in another map, -1 for -1."""
    return np.array([*new, UNKNOWN], dtype=np.int32)[numbers]


def _widened(levels: NDArray[np.int32], depth: int) -> NDArray[np.int32]:
    return np.pad(levels, ((0, 0), (0, depth - levels.shape[1])), constant_values=UNKNOWN)


def _column(values: Iterable[float | int | None]) -> NDArray[np.float32]:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
