"""The definition of an index version, and an item as its document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from search_rerank.engines import fields
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.engines.words import MAX_WORD_CHARACTERS, STEMMER, TOKEN_PATTERN

EXACT_UP_TO = 50_000
"""Up to this many items every vector is compared (`flat`); above, a graph (`int8_hnsw`)."""


def definition(schema: IndexSchema, created: datetime, expected: int) -> dict[str, Any]:
    """Return settings and mappings of a version that is expected to hold so many items."""
    text = {"type": "text", "analyzer": "words", "index_options": "freqs"}
    number = {"type": "double"}
    properties: dict[str, Any] = {name: text for name in (*fields.TEXTS, fields.ALL_TEXT)}
    properties |= {name: {"type": "keyword"} for name in fields.keyword_fields(schema).values()}
    properties |= {name: number for name in fields.number_fields(schema).values()}
    properties["boost"] = number
    properties["hash"] = {"type": "keyword", "index": False, "doc_values": False}
    # The item as text, neither parsed nor indexed: what was read comes back byte for byte.
    properties["json"] = {"type": "keyword", "index": False, "doc_values": False}
    if schema.dim:
        kind = "flat" if expected <= EXACT_UP_TO else "int8_hnsw"
        properties["vector"] = {
            "type": "dense_vector",
            "dims": schema.dim,
            "index": True,
            "similarity": "cosine",
            "index_options": {"type": kind},
        }
    meta = {
        "dim": schema.dim,
        "encoder": schema.encoder,
        "attributes": list(schema.attributes),
        "created": created.isoformat(),
    }
    return {
        "settings": {
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "refresh_interval": "-1",
            "analysis": {
                "analyzer": {
                    "words": {
                        "type": "custom",
                        "tokenizer": "words",
                        "filter": ["short", "lowercase", "asciifolding", "stem"],
                    }
                },
                "tokenizer": {"words": {"type": "pattern", "pattern": TOKEN_PATTERN, "group": 0}},
                "filter": {
                    "stem": {"type": "stemmer", "language": _LUCENE_STEMMER[STEMMER]},
                    "short": {"type": "length", "max": MAX_WORD_CHARACTERS},
                },
            },
        },
        "mappings": {"dynamic": "strict", "_meta": meta, "properties": properties},
    }


_LUCENE_STEMMER = {"english": "porter2"}


def source(document: Document, schema: IndexSchema) -> dict[str, Any]:
    """Return the document of an item."""
    item = document.item
    entry: dict[str, Any] = {
        **fields.texts(item),
        **fields.keywords(item, schema),
        **fields.numbers(item, schema),
        "boost": document.boost,
        "hash": item.content_hash(),
        "json": item.to_json().decode(),
    }
    if document.vector is not None:
        entry["vector"] = document.vector
    return entry


def schema_of(meta: dict[str, Any]) -> tuple[IndexSchema, datetime]:
    """Return what a version was made for, and when, from its mapping."""
    schema = IndexSchema(meta["dim"], meta["encoder"], tuple(meta["attributes"]))
    return schema, datetime.fromisoformat(meta["created"])
