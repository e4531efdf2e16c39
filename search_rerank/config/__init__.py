"""All settings, one TOML file; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError, field_validator

from search_rerank.config.access import AccessConfig
from search_rerank.config.experiment import ExperimentConfig
from search_rerank.config.features import FeaturesConfig
from search_rerank.config.gate import GateConfig
from search_rerank.config.index import EncoderConfig, EngineConfig, IndexConfig, LoadConfig
from search_rerank.config.labels import LabelsConfig
from search_rerank.config.pages import PagesConfig
from search_rerank.config.reasons import ReasonsConfig
from search_rerank.config.retrieval import ExplorationConfig, RetrievalConfig
from search_rerank.config.rules import RulesConfig
from search_rerank.config.section import Section
from search_rerank.config.service import ServiceConfig
from search_rerank.config.state import StateConfig
from search_rerank.config.training import ScorerConfig, TrainingConfig
from search_rerank.data.item import explain
from search_rerank.errors import ConfigError, nearest

__all__ = [
    "AccessConfig",
    "Config",
    "EncoderConfig",
    "EngineConfig",
    "ExperimentConfig",
    "ExplorationConfig",
    "FeaturesConfig",
    "GateConfig",
    "IndexConfig",
    "LabelsConfig",
    "LoadConfig",
    "PagesConfig",
    "ReasonsConfig",
    "RetrievalConfig",
    "RulesConfig",
    "ScorerConfig",
    "ServiceConfig",
    "StateConfig",
    "TrainingConfig",
    "load_config",
    "parse_config",
    "write_config",
]


class Config(Section):
    """Everything that can be set."""

    home: Path = Path(".search-rerank")
    """Folder of the embedded index, the vector cache, the bundles and the state."""
    engine: EngineConfig = EngineConfig()
    index: IndexConfig = IndexConfig()
    load: LoadConfig = LoadConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    exploration: ExplorationConfig = ExplorationConfig()
    encoder: EncoderConfig = EncoderConfig()
    features: FeaturesConfig = FeaturesConfig()
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

    labels: LabelsConfig = LabelsConfig()
    training: TrainingConfig = TrainingConfig()
    gate: GateConfig = GateConfig()
    experiment: ExperimentConfig = ExperimentConfig()
    reasons: ReasonsConfig = ReasonsConfig()
    rules: RulesConfig = RulesConfig()
    state: StateConfig = StateConfig()
    service: ServiceConfig = ServiceConfig()
    pages: PagesConfig = PagesConfig()
    access: AccessConfig = AccessConfig()


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
