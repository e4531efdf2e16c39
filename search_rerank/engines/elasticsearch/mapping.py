"""The definition of an index version, and an item as its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from search_rerank.engines import fields
from search_rerank.engines.base import Document, IndexSchema, schema_from
from search_rerank.engines.words import MAX_WORD_CHARACTERS
from search_rerank.languages import Language

PRESENT = {"bool": {"must_not": {"term": {"gone": True}}}}
"""Matches every item, and no note of a removal: see `definition`."""


def definition(schema: IndexSchema, created: datetime, quantised: bool) -> dict[str, Any]:
    """Return settings and mappings of a version.

    Parameters
    ----------
    schema, created
        What it is made for, and when.
    quantised
        Whether vectors are kept in 8 bits and found by a graph, or all of them compared.
    """
    number = {"type": "double"}
    languages = fields.languages(schema)
    properties: dict[str, Any] = {
        name: {"type": "text", "analyzer": name, "index_options": "freqs"} for name in languages
    }
    properties |= {name: {"type": "keyword"} for name in fields.keyword_fields(schema).values()}
    properties |= {name: number for name in fields.number_fields(schema).values()}
    properties |= {name: {"type": "keyword"} for name in (fields.EXACT, fields.GROUP)}
    # Read together when an item is written again; stored, so that its source need not be parsed.
    properties["boost"] = number | {"store": True}
    properties["hash"] = {"type": "keyword", "index": False, "store": True}
    properties["revision"] = {"type": "long", "index": False, "store": True}
    # What was removed during a load is noted until it ends: an older row must not bring it back.
    properties["gone"] = {"type": "boolean"}
    # The item as text, neither parsed nor indexed: what was read comes back byte for byte.
    properties["json"] = {"type": "keyword", "index": False, "doc_values": False}
    if schema.dim:
        kind = "int8_hnsw" if quantised else "flat"
        properties["vector"] = {
            "type": "dense_vector",
            "dims": schema.dim,
            "index": True,
            "similarity": "cosine",
            "index_options": {"type": kind},
        }
    meta = asdict(schema) | {"created": created.isoformat()}
    return {
        "settings": {
            "refresh_interval": "-1",
            "mapping.total_fields.limit": 1000 + 2 * len(schema.attributes),
            "analysis": _analysis(languages),
        },
        "mappings": {"dynamic": "strict", "_meta": meta, "properties": properties},
    }


def _analysis(languages: Mapping[str, Language]) -> dict[str, Any]:
    """Return an analyzer for each text field."""
    analyzers, tokenizers = {}, {}
    filters: dict[str, Any] = {"short": {"type": "length", "max": MAX_WORD_CHARACTERS}}
    for name, language in languages.items():
        steps = ["short", "lowercase", "asciifolding"]
        if language.lucene is not None:
            filters[language.lucene] = {"type": "stemmer", "language": language.lucene}
            steps.append(language.lucene)
        tokenizers[name] = {"type": "pattern", "pattern": language.pattern, "group": 0}
        analyzers[name] = {"type": "custom", "tokenizer": name, "filter": steps}
    return {"analyzer": analyzers, "tokenizer": tokenizers, "filter": filters}


def source(document: Document, schema: IndexSchema) -> dict[str, Any]:
    """Return the document of an item."""
    item = document.item
    entry: dict[str, Any] = {
        **fields.texts(item, schema),
        **fields.keywords(item, schema),
        **fields.numbers(item, schema),
        "boost": document.boost or 1.0,
        "hash": item.content_hash(),
        "revision": document.revision,
        "json": item.to_json().decode(),
    }
    if document.vector is not None:
        entry["vector"] = document.vector
    return entry


def schema_of(meta: dict[str, Any]) -> tuple[IndexSchema, datetime]:
    """Return what a version was made for, and when, from its mapping."""
    return schema_from(meta), datetime.fromisoformat(meta["created"])
