"""All settings, one TOML file; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from search_rerank.data.event import GAINS
from search_rerank.data.item import explain
from search_rerank.errors import ConfigError, nearest

Weight = Annotated[float, Field(ge=0)]
_TEXTS = {
    "title": 3.0,
    "brand": 2.0,
    "category": 2.0,
    "attributes": 1.0,
    "description": 0.5,
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EngineConfig(_Section):
    """Where the index lives."""

    kind: Literal["embedded", "elasticsearch"] = "embedded"
    index: str = Field("products", pattern="^[a-z][a-z0-9_-]{0,99}$")
    """Name of the alias; versions are `INDEX-vNNNN`."""
    url: str = "http://127.0.0.1:9200"
    """Address of Elasticsearch. Credentials come from the environment, never from this file."""
    timeout_s: float = Field(5.0, gt=0, le=300)


class RetrievalConfig(_Section):
    """How candidates are chosen."""

    k: int = Field(200, ge=1, le=1000)
    """Candidates retrieved and reranked."""
    words_weight: float = Field(1.0, ge=0)
    vector_weight: float = Field(0.1, ge=0)
    """Weight of the cosine beside the word score scaled to its maximum."""
    popularity_weight: float = Field(0.1, ge=0)
    """The word score is multiplied by 1 + this * ln(1 + popularity over 30 days)."""
    fields: dict[str, Weight] = _TEXTS
    """Weight of each text field in the word score."""

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, value: dict[str, Weight]) -> dict[str, Weight]:
        for name in value:
            if name not in _TEXTS:
                raise ValueError(f"unknown field {name!r}{nearest(name, _TEXTS)}")
        return value


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
    retrieval: RetrievalConfig = RetrievalConfig()
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
