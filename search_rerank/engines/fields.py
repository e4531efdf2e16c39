"""The fields of an index: what is written of an item, what can be filtered on and counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_rerank.data.item import AttributeValue, Item
from search_rerank.engines.base import Document, IndexSchema, Retrieve
from search_rerank.errors import EngineError, nearest
from search_rerank.query import Filters, Range

TEXTS = ("title", "brand", "category", "attributes", "description")
"""Fields whose words count, each with its own weight."""
ALL_TEXT = "all"
"""All of them together, to find items that have every word somewhere."""
TERMS = ("id", "brand", "category", "group_id", "currency", "in_stock")
"""Fields that a filter by value may name, beside attributes."""
FACETS = ("brand", "category", "in_stock", "currency")
"""Of these, what can be counted: fields with few values."""
RANGES = ("price", "rating", "rating_count")
"""Fields that a filter by range may name, beside attributes."""
ATTRIBUTE = "attributes."
"""What the name of an attribute begins with where it stands beside those fields."""
_MAX_KEYWORD = 8_000
_MAX_ID_BYTES = 512
_MAX_BOOST = 50.0
_LARGEST = 1.7e308
FACET_SIZE = 50
"""Values counted per facet at most."""


def keyword_fields(schema: IndexSchema) -> dict[str, str]:
    """Return the fields a term filter may name, each with its name inside the index."""
    names = {name: f"is_{name}" for name in TERMS}
    return names | {f"{ATTRIBUTE}{a}": f"is_a{n}" for n, a in enumerate(schema.attributes)}


def facet_fields(schema: IndexSchema) -> dict[str, str]:
    """Return the fields that can be counted, each with its name inside the index."""
    allowed = keyword_fields(schema)
    return {k: v for k, v in allowed.items() if k in FACETS or k.startswith(ATTRIBUTE)}


def number_fields(schema: IndexSchema) -> dict[str, str]:
    """Return the fields a range filter may name, each with its name inside the index."""
    names = {name: f"num_{name}" for name in RANGES}
    return names | {f"{ATTRIBUTE}{a}": f"num_a{n}" for n, a in enumerate(schema.attributes)}


def texts(item: Item) -> dict[str, str]:
    """Return the words of each text field, and of all together."""
    attributes = " ".join(
        word for value in item.attributes.values() for word in _words_of(value) if word
    )
    parts = {
        "title": item.title,
        "brand": item.brand or "",
        "category": " ".join(item.category),
        "attributes": attributes,
        "description": item.description or "",
    }
    parts = {name: text for name, text in parts.items() if text}
    return parts | {ALL_TEXT: " ".join(parts.values())}


def keywords(item: Item, schema: IndexSchema) -> dict[str, list[str]]:
    """Return the exact values of an item by the name inside the index."""
    paths = [" > ".join(item.category[: n + 1]) for n in range(len(item.category))]
    found = {
        "is_id": [item.id],
        "is_brand": [item.brand] if item.brand else [],
        "is_category": paths,
        "is_group_id": [item.group_id] if item.group_id else [],
        "is_currency": [item.currency] if item.currency else [],
        "is_in_stock": [] if item.in_stock is None else [as_text(item.in_stock)],
    }
    for n, name in enumerate(schema.attributes):
        value = item.attributes.get(name)
        if value is not None:
            values = value if isinstance(value, list) else [as_text(value)]
            found[f"is_a{n}"] = list(dict.fromkeys(values))
    kept = {k: [v for v in vs if len(v) <= _MAX_KEYWORD] for k, vs in found.items()}
    return {name: values for name, values in kept.items() if values}


def numbers(item: Item, schema: IndexSchema) -> dict[str, float]:
    """Return the numbers of an item by the name inside the index."""
    found: dict[str, AttributeValue | None] = {
        "num_price": item.price,
        "num_rating": item.rating,
        "num_rating_count": item.rating_count,
    }
    for n, name in enumerate(schema.attributes):
        found[f"num_a{n}"] = item.attributes.get(name)
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def sorted_out(
    documents: Iterable[Document], schema: IndexSchema
) -> tuple[dict[str, Document], dict[str, str]]:
    """Return what can be written, the last of each id, and id to reason for what cannot."""
    good: dict[str, Document] = {}
    refused: dict[str, str] = {}
    for document in documents:
        reason = refusal(document, schema)
        if reason is None:
            good[document.item.id] = document
        else:
            refused[document.item.id] = reason
    return good, refused


def refusal(document: Document, schema: IndexSchema) -> str | None:
    """Return why a document cannot be written, None if it can."""
    if (size := len(document.item.id.encode())) > _MAX_ID_BYTES:
        return f"id: expected at most {_MAX_ID_BYTES} bytes, found {size}"
    if not 1 <= document.boost <= _MAX_BOOST:
        return f"boost: expected a number from 1 to {_MAX_BOOST:g}, found {document.boost}"
    vector = document.vector
    if vector is None:
        return None
    if vector.shape != (schema.dim,):
        return f"vector: expected {schema.dim} numbers, found shape {vector.shape}"
    if not np.isfinite(vector).all():
        return "vector: expected finite numbers, found NaN or infinity"
    if not abs((length := float(np.linalg.norm(vector))) - 1) < 1e-3:
        return f"vector: expected unit length, found length {length:.4g}"
    return None


@dataclass(frozen=True)
class Conditions:
    """Filters in the names of the index: all of them must hold."""

    terms: Sequence[tuple[str, tuple[str, ...]]]
    ranges: Sequence[tuple[str, float | None, float | None]]

    def __bool__(self) -> bool:
        return bool(self.terms or self.ranges)


def conditions(filters: Filters, schema: IndexSchema) -> Conditions:
    """Check filters and translate their names.

    Raises
    ------
    EngineError
        For a field that cannot be filtered on, or a bound that is no number.
    """
    keyword, number = keyword_fields(schema), number_fields(schema)
    terms = tuple(
        (_known(name, keyword, "filter by value"), tuple(_encodable(v) for v in values))
        for name, values in filters.terms.items()
    )
    ranges = tuple(
        (_known(name, number, "filter by range"), *_bounds(name, interval))
        for name, interval in filters.ranges.items()
    )
    return Conditions(terms, ranges)


def facets(request: Retrieve, schema: IndexSchema) -> dict[str, str]:
    """Return the asked facets, each with its name inside the index; unknown ones are an error."""
    known = facet_fields(schema)
    return {name: _known(name, known, "count") for name in request.facets}


def check_vector(request: Retrieve, schema: IndexSchema) -> None:
    """Refuse a query vector that the vectors of the index cannot be compared with."""
    vector = request.vector
    if vector is None:
        return
    if vector.shape != (schema.dim,):
        raise EngineError(
            f"expected a query vector of {schema.dim} numbers, as the index was made by encoder "
            f"{schema.encoder!r}; found {vector.shape[0] if vector.ndim == 1 else vector.shape}: "
            f"load the index again with the present encoder, or train again"
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise EngineError("expected a finite query vector other than zero; pass None without one")


def _known(name: str, known: Mapping[str, str], verb: str) -> str:
    if name not in known:
        raise EngineError(
            f"cannot {verb} of {name!r}: fields that work are {', '.join(sorted(known))}"
            f"{nearest(name, known) if len(known) < 50 else ''}"
        )
    return known[name]


def _bounds(name: str, interval: Range) -> tuple[float | None, float | None]:
    gte, lte = interval.gte, interval.lte
    for bound in (gte, lte):
        if bound is not None and (isinstance(bound, str) or math.isnan(bound)):
            raise EngineError(f"range of {name}: expected numbers as bounds, found {bound!r}")
    low = None if gte is None else max(min(float(gte), _LARGEST), -_LARGEST)
    high = None if lte is None else max(min(float(lte), _LARGEST), -_LARGEST)
    return low, high


def as_text(value: bool | float | str) -> str:
    """Return a value as filters name it: 42, 4.5, true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _words_of(value: AttributeValue) -> list[str]:
    if isinstance(value, bool):
        return []
    return value if isinstance(value, list) else [as_text(value)]


def _encodable(value: str) -> str:
    return value.encode("utf-8", "replace").decode("utf-8")
