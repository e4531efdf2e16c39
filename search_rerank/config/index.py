"""Settings of the engine, of how products are indexed and of how a catalogue is loaded."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from search_rerank.config.section import Section
from search_rerank.errors import nearest
from search_rerank.languages import LANGUAGES

FIELD_WEIGHTS = {
    "title": 3.0,
    "brand": 2.0,
    "category": 2.0,
    "attributes": 0.0,
    "description": 0.0,
    "all": 2.0,
}
TEXT_FIELDS = tuple(name for name in FIELD_WEIGHTS if name != "all")


class EngineConfig(Section):
    """Where the index lives."""

    kind: Literal["embedded", "elasticsearch"] = "embedded"
    index: str = Field("products", pattern="^[a-z][a-z0-9_-]{0,99}$")
    """Name of the alias; versions are `INDEX-vNNNN`."""
    url: str | tuple[str, ...] = "http://127.0.0.1:9200"
    """Address of Elasticsearch, or several. Credentials come from the environment, never from this
    file."""
    cloud_id: str | None = None
    """Of a deployment on Elastic Cloud, instead of an address."""
    timeout_s: float = Field(5.0, gt=0, le=300)
    retries: int = Field(2, ge=0, le=10)
    """How often a request is repeated on another node when one cannot be reached."""
    shards: int = Field(1, ge=1, le=1024)
    replicas: int | None = Field(None, ge=0, le=10)
    """Copies of each shard; left out: one where there are two nodes or more."""
    vectors_mb: float = Field(64.0, ge=0)
    """Megabytes that each process keeps of vectors read from Elasticsearch, so that it need not ask
    for cosines."""
    items_mb: float = Field(32.0, ge=0)
    """Megabytes that each process keeps of items read from Elasticsearch, as estimated."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses."""
        return (self.url,) if isinstance(self.url, str) else self.url


class IndexConfig(Section):
    """How products are indexed; what is changed here holds from the next load on."""

    language: str = "en"
    """How words are cut and stemmed."""
    languages: dict[str, str] = {}
    """Text field to language, where it differs."""
    codes: tuple[str, ...] = ("sku", "gtin", "ean", "upc", "isbn", "mpn")
    """Attributes whose value names one product: typed whole, it comes first."""
    quantise_above: int = Field(50_000, ge=0)
    """With more items vectors are kept in 8 bits and found by a graph; below, all are compared."""

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"unknown language {value!r}{nearest(value, LANGUAGES)}")
        return value

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, value: dict[str, str]) -> dict[str, str]:
        for name, language in value.items():
            if name not in TEXT_FIELDS:
                raise ValueError(f"unknown field {name!r}{nearest(name, TEXT_FIELDS)}")
            cls._known_language(language)
        return value


class LoadConfig(Section):
    """How a catalogue is loaded, and what it must pass before it goes live."""

    batch: int = Field(500, ge=1, le=10_000)
    """Items encoded and written at a time."""
    chunk_bytes: int = Field(5_000_000, ge=10_000, le=100_000_000)
    """Size of one bulk request to Elasticsearch at most; it adapts below."""
    threads: int = Field(2, ge=1, le=32)
    """Bulk requests to Elasticsearch at a time."""
    checkpoint: int = Field(20_000, ge=100)
    """After so many items a load that is cut off goes on from there."""
    sample: int = Field(50, ge=0, le=10_000)
    """Items looked up in the new version."""
    probes: int = Field(20, ge=0, le=1_000)
    """Searches tried on it."""
    min_count: float = Field(0.5, ge=0)
    """Share of the live version's items that the new one must hold."""
    min_overlap: float = Field(0.3, ge=0, le=1)
    """Mean share of the live version's first ten that the probes must find again."""
    max_refused: float = Field(0.1, ge=0, le=1)
    """Share of the rows that may be refused."""


class EncoderConfig(Section):
    """What turns text into vectors."""

    kind: Literal["hashing", "transformer"] = "hashing"
    dim: int = Field(256, ge=2, le=4096)
    """Dimension of the hashing encoder; a transformer has its own."""
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Name or folder of the transformer."""
    seed: int = Field(0, ge=0, lt=2**31)
