"""All settings, one TOML file; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from search_rerank.data.event import GAINS
from search_rerank.data.item import explain
from search_rerank.errors import ConfigError, nearest
from search_rerank.languages import LANGUAGES

Weight = Annotated[float, Field(ge=0)]
_WEIGHTS = {
    "title": 3.0,
    "brand": 2.0,
    "category": 2.0,
    "attributes": 0.0,
    "description": 0.0,
    "all": 2.0,
}
_TEXTS = tuple(name for name in _WEIGHTS if name != "all")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EngineConfig(_Section):
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

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses."""
        return (self.url,) if isinstance(self.url, str) else self.url


class IndexConfig(_Section):
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
            if name not in _TEXTS:
                raise ValueError(f"unknown field {name!r}{nearest(name, _TEXTS)}")
            cls._known_language(language)
        return value


class LoadConfig(_Section):
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


class RetrievalConfig(_Section):
    """How candidates are chosen."""

    k: int = Field(200, ge=1, le=1000)
    """Candidates retrieved and reranked."""
    words_weight: float = Field(1.0, ge=0)
    vector_weight: float = Field(0.1, ge=0)
    """Weight of the cosine beside the word score scaled to its maximum."""
    popularity_weight: float = Field(0.1, ge=0)
    """The word score is multiplied by 1 + this * ln(1 + popularity over 30 days)."""
    fields: dict[str, Weight] = _WEIGHTS
    """Weight of each text field, and of `all` of them joined, in the word score."""
    fusion: Literal["scores", "ranks"] = "scores"
    """Whether the scaled scores are added, or the reciprocals of 60 + rank."""
    num_candidates: int = Field(400, ge=1, le=10_000)
    """Vectors looked at to find the nearest by graph; never fewer than twice the candidates."""
    every_word: bool = False
    """Whether an item must have every word; where none has, those with some are the answer."""
    typos: Literal["correct", "suggest", "off"] = "correct"
    """What to do about unknown words: search the nearest known ones, name them, or nothing."""
    synonyms: Path | None = None
    """File of synonyms, read again when it changes."""
    total_up_to: int = Field(10_000, ge=1)
    """Matches are counted exactly up to here."""

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, value: dict[str, Weight]) -> dict[str, Weight]:
        for name in value:
            if name not in _WEIGHTS:
                raise ValueError(f"unknown field {name!r}{nearest(name, _WEIGHTS)}")
        return value


class ExplorationConfig(_Section):
    """The chance that new items get among what the model ranks."""

    slots: int = Field(1, ge=0, le=10)
    """Places of each ten that new items may be given; 0 switches it off."""
    first_place: int = Field(4, ge=1, le=1000)
    """No place above this one is given."""
    reach: int = Field(50, ge=1, le=1000)
    """Only new items that the model puts among the first so many are given a place."""
    interactions: float = Field(5.0, gt=0)
    """An item is new while the gains of its interactions, with a half-life of 180 days, are
    fewer."""
    added: str | None = Field(None, min_length=1)
    """Attribute that says since when the shop has an item, in unix milliseconds; left out, only
    what the bundle does not know is new."""
    new_days: float = Field(14.0, gt=0)
    """For so many days after `added` an item is new although the bundle knows it."""


class EncoderConfig(_Section):
    """What turns text into vectors."""

    kind: Literal["hashing", "transformer"] = "hashing"
    dim: int = Field(256, ge=2, le=4096)
    """Dimension of the hashing encoder; a transformer has its own."""
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Name or folder of the transformer."""
    seed: int = 0


class TrainingConfig(_Section):
    """How the log is cut and the reranker learns."""

    train_quantile: float = Field(0.8, gt=0, lt=1)
    """Quantile of interaction times before which scorers are fitted for training (t1)."""
    test_quantile: float = Field(0.9, gt=0, lt=1)
    """Quantile of interaction times from which everything is held out (t2)."""
    live: bool | None = None
    """Whether state grows during replay, as in service; false freezes it at t1 and t2. Left out:
    grows for a shop's own log, frozen for a public set whose protocol freezes it."""
    gains: dict[str, Weight] = dict(GAINS)
    """Gain of each interaction type; others count nothing."""
    max_rankings: int = Field(8000, ge=1)
    """Queries replayed for training at most, spread evenly over the window."""
    max_test_rankings: int = Field(20000, ge=1)
    """Queries replayed for evaluation at most, spread evenly over the held-out time."""
    history: int = Field(50, ge=1, le=10_000)
    """Newest interactions of a shopper that scorers and features see."""
    trees: int = Field(200, ge=1, le=5000)
    """At most so many trees; fewer where the validation nDCG@10 stops rising."""
    leaves: int = Field(31, ge=2, le=1024)
    learning_rate: float = Field(0.06, gt=0, le=1)
    first_stage: int = Field(100, ge=1, le=10_000)
    """Candidates that the cascade's first stage hands to the last one."""
    seed: int = 0


class ScorerConfig(_Section):
    """One scorer and its options; what is left out has the scorer's default."""

    name: str
    options: dict[str, bool | int | float | str | dict[str, float]] = {}


class ServiceConfig(_Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(2, ge=1, le=64)
    clock_offset_ms: int = 0
    """Added to the clock: below 0 serves an old log as if it had just ended."""
    max_body_bytes: int = Field(1_000_000, ge=1000)


class Config(_Section):
    """Everything that can be set."""

    home: Path = Path(".search-rerank")
    """Folder of the embedded index, the vector cache, the bundles and the state."""
    engine: EngineConfig = EngineConfig()
    index: IndexConfig = IndexConfig()
    load: LoadConfig = LoadConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    exploration: ExplorationConfig = ExplorationConfig()
    encoder: EncoderConfig = EncoderConfig()
    scorers: tuple[ScorerConfig, ...] = (
        ScorerConfig(name="popularity"),
        ScorerConfig(name="item_knn"),
        ScorerConfig(name="als"),
        ScorerConfig(name="content"),
    )
    """The scorers whose opinions are features, in the order of their columns."""

    @field_validator("scorers")
    @classmethod
    def _each_once(cls, value: tuple[ScorerConfig, ...]) -> tuple[ScorerConfig, ...]:
        names = [scorer.name for scorer in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"expected each scorer once, found {twice!r} again")
        return value

    training: TrainingConfig = TrainingConfig()
    service: ServiceConfig = ServiceConfig()


def load_config(path: Path | None) -> Config:
    """Read a TOML file; None gives the defaults.

    Raises
    ------
    ConfigError
        Naming the file, the key, what was expected and the nearest known key.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8, found byte {error.start + 1} wrong") from None
    try:
        return parse_config(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_config(values: dict[str, Any]) -> Config:
    """Check nested settings and return them; missing ones have their defaults."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def write_config(config: Config, path: Path) -> None:
    """Write settings as TOML; the home folder as an absolute path, so that the file may move."""
    import tomli_w

    values = config.model_dump(mode="json", exclude_none=True)
    values["home"] = str(config.home.resolve())
    path.write_text(tomli_w.dumps(values), encoding="utf-8")


def _explain(error: ValidationError) -> str:
    for problem in error.errors(include_url=False):
        if problem["type"] == "extra_forbidden":
            *sections, key = problem["loc"]
            model: Any = Config
            for section in sections:  # a number is a place in a list of sections
                is_place = isinstance(section, int)
                model = get_args(model)[0] if is_place else model.model_fields[section].annotation
            where = ".".join(map(str, problem["loc"]))
            return f"unknown key {where!r}{nearest(str(key), model.model_fields)}"
    return explain(error, Config.model_fields)
