"""A generated shop that the command `demo` has indexed, learnt and evaluated, as tests see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result

from search_rerank.bundle import Bundle, load_bundle
from search_rerank.bundles import live_bundle
from search_rerank.cli import main
from search_rerank.config import Config, parse_config
from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.shop import Shop, generate, write_shop
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine
from search_rerank.pipeline import Pipeline
from search_rerank.query import Query
from search_rerank.state.base import State
from search_rerank.state.memory import MemoryState
from search_rerank.training import Shop as Ready
from search_rerank.workspace import Workspace

SMALL = {
    "encoder": {"dim": 16},
    "training": {"trees": 8, "leaves": 5, "max_rankings": 200, "max_test_rankings": 120},
}
"""Settings under which the small shop learns something within seconds."""


@dataclass(frozen=True)
class World:
    """What is left of one run of the command, and what it was made from."""

    made: Shop
    config: Config
    data: Path
    result: Result
    table: Mapping[str, Any]

    @property
    def now_ms(self) -> int:
        """A second after the last event."""
        return max(event.time_ms for event in self.made.events) + 1000

    def bundle(self) -> Bundle:
        live = live_bundle(self.config.home / "bundles")
        assert live is not None
        return load_bundle(live)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        engine = open_engine(self.config)
        try:
            yield engine
        finally:
            engine.close()

    @contextmanager
    def ready(self, **training: object) -> Iterator[Ready]:
        """Give the shop as training sees it, with some of the training's settings changed."""
        changed = self.config.training.model_copy(update=training)
        workspace = Workspace(self.config.model_copy(update={"training": changed}))
        with self.engine() as engine, workspace.cache() as cache:
            yield workspace.shop(self.made.dataset(), engine, cache)

    @contextmanager
    def pipeline(self, state: State | None = None) -> Iterator[Pipeline]:
        """Give a pipeline on the live index and bundle; its state is the whole log by default."""
        pipeline = Pipeline.open(self.config, self.state() if state is None else state)
        try:
            yield pipeline
        finally:
            pipeline.close()

    def state(self) -> MemoryState:
        """Return a state that holds the whole log."""
        state = MemoryState(self.config.training.gains)
        state.append([event for event in self.made.events if isinstance(event, Interaction)])
        state.show([event for event in self.made.events if isinstance(event, Ranking)])
        return state

    def query(self, text: str, user: str | None = None, session: str | None = None) -> Query:
        return Query(text, user, session, k=self.config.retrieval.k, now_ms=self.now_ms)


def run(settings: Mapping[str, object], folder: Path, *arguments: str) -> Result:
    """Run the command in this process, with these settings in a file in the folder."""
    return CliRunner().invoke(main, ["--config", _written(settings, folder), *arguments])


def run_apart(
    settings: Mapping[str, object], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, which a server that forks needs."""
    line = [sys.executable, "-m", "search_rerank", "--config", _written(settings, folder)]
    return subprocess.run([*line, *arguments], capture_output=True, text=True, timeout=60)


def _written(settings: Mapping[str, object], folder: Path) -> str:
    file = folder / "settings.toml"
    file.write_text("".join(toml(settings)), encoding="utf-8")
    return str(file)


def toml(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a settings file, inline tables on one line each."""

    def value(of: object) -> str:
        if isinstance(of, Mapping):
            return "{" + ", ".join(f"{key} = {value(part)}" for key, part in of.items()) + "}"
        if isinstance(of, list):
            return "[" + ", ".join(map(value, of)) + "]"
        return str(orjson.dumps(of), "utf-8")

    for key, of in settings.items():
        yield f"{key} = {value(of)}\n"


def build(folder: Path, settings: Mapping[str, object], **size: int) -> World:
    """Generate a shop, write it, and run `search-rerank demo --no-serve` on it."""
    made = generate(**size)
    data = folder / "corner"
    write_shop(made, data)
    table = folder / "table.json"
    home = folder / "home"
    result = run(
        settings,
        folder,
        *("demo", "--data", str(data), "--home", str(home), "--no-serve", "--json", str(table)),
    )
    assert result.exit_code == 0, (result.output, result.exception)
    engine = {"index": "demo-corner"}
    config = parse_config({**settings, "home": home / "corner-embedded", "engine": engine})
    return World(made, config, data, result, orjson.loads(table.read_bytes()))
