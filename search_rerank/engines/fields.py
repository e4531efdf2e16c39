"""The fields of an index: what is written of an item, what can be filtered on and counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType

import numpy as np

from search_rerank.data.item import AttributeValue, Item
from search_rerank.engines.base import Document, IndexSchema, Retrieve
from search_rerank.engines.words import exact_keys
from search_rerank.errors import EngineError, nearest
from search_rerank.languages import LANGUAGES, Language, as_indexed

TEXTS = ("title", "brand", "category", "attributes", "description")
"""Fields whose words count."""
ALL_TEXT = "all"
"""All of them together: a word counts wherever it stands, an item that has every word counts more.
"""
SCORED = (*TEXTS, ALL_TEXT)
"""What has a weight in the word score."""
TYPED = "typed"
"""Title, brand and category not stemmed, for spelling and completion."""
EXACT = "exact"
"""Keys of the codes and the whole title, see `words.exact_keys`."""
GROUP = "variants"
"""The same for all variants of a product, of its own for any other item."""
TERMS = ("id", "brand", "category", "group_id", "currency", "in_stock")
"""Fields that a filter by value may name, beside attributes."""
FACETS = ("brand", "category", "in_stock", "currency")
"""Of these, what can be counted: fields with few values."""
RANGES = ("price", "rating", "rating_count", "updated_at")
"""Fields that a filter by range may name, beside attributes; also to sort by."""
ATTRIBUTE = "attributes."
"""What the name of an attribute begins with where it stands beside those fields."""
_MAX_KEYWORD = 8_000
_MAX_EXACT = 500
_MAX_ID_BYTES = 512
_MAX_BOOST = 50.0


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


@cache
def languages(schema: IndexSchema) -> Mapping[str, Language]:
    """Return how each text field is cut into words."""
    chosen = dict(schema.languages)
    own = {name: LANGUAGES[chosen.get(name, schema.language)] for name in TEXTS}
    # What was typed is not stemmed; all texts together follow the language of the index.
    return MappingProxyType(own | {ALL_TEXT: LANGUAGES[schema.language], TYPED: LANGUAGES["none"]})


def texts(item: Item, schema: IndexSchema) -> dict[str, str]:
    """Return what is indexed of each text field, and of all together."""
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
    typed = " ".join(parts[name] for name in ("title", "brand", "category") if name in parts)
    parts |= {ALL_TEXT: " ".join(parts.values()), TYPED: typed}
    cut = languages(schema)
    return {name: as_indexed(text, cut[name]) for name, text in parts.items()}


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
        EXACT: _exact(item, schema),
        GROUP: [f"g:{item.group_id}" if item.group_id else f"i:{item.id}"],
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
        "num_updated_at": None if item.updated_at is None else unix_ms(item.updated_at),
    }
    for n, name in enumerate(schema.attributes):
        found[f"num_a{n}"] = item.attributes.get(name)
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def refusal(document: Document, schema: IndexSchema) -> str | None:
    """Return why a document cannot be written, None if it can."""
    if (size := len(document.item.id.encode())) > _MAX_ID_BYTES:
        return f"id: expected at most {_MAX_ID_BYTES} bytes, found {size}"
    if document.boost is not None and not 1 <= document.boost <= _MAX_BOOST:
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


def known_field(name: str, known: Mapping[str, str], verb: str) -> str:
    """Return the name inside the index, or raise `EngineError` that names the fields that work."""
    if name not in known:
        raise EngineError(
            f"cannot {verb} {name!r}: fields that work are {', '.join(sorted(known))}"
            f"{nearest(name, known) if len(known) < 50 else ''}"
        )
    return known[name]


def as_text(value: bool | float | str) -> str:
    """Return a value as filters name it: 42, 4.5, true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def unix_ms(time: datetime) -> int:
    """Return a time as unix milliseconds; one without a zone is UTC."""
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _exact(item: Item, schema: IndexSchema) -> list[str]:
    codes = [item.id, *(item.attributes.get(name) for name in schema.codes)]
    plain = [as_text(code) for code in codes if isinstance(code, str | float | int)]
    keys = [exact_keys(code)[:1] for code in plain] + [exact_keys(item.title)[1:]]
    return list(dict.fromkeys(key for some in keys for key in some if len(key) <= _MAX_EXACT))


def _words_of(value: AttributeValue) -> list[str]:
    if isinstance(value, bool):
        return []
    return value if isinstance(value, list) else [as_text(value)]
