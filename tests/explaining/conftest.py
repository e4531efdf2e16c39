"""One small generated shop, trained once, whose answers are explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import tomli_w

from search_rerank.bundle import Bundle
from search_rerank.config import Config, ReasonsConfig, parse_config
from search_rerank.data.item import Item
from search_rerank.data.shop import generate
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema
from search_rerank.explaining.cases import CASES
from search_rerank.fusion.selection import Selection
from search_rerank.pipeline import Pipeline
from search_rerank.query import Query
from search_rerank.state.memory import MemoryState
from search_rerank.training import make_bundle, train
from search_rerank.workspace import Workspace


@dataclass(frozen=True, repr=False)
class Town:
    """A shop with what it knows, and a bundle trained before a few items came."""

    config: Config
    engine: Engine
    state: MemoryState
    bundle: Bundle
    items: dict[str, Item]
    users: list[str]
    texts: list[str]
    now_ms: int

    def query(self, text: str = "", user: str | None = None) -> Query:
        return Query(text=text, user=user, now_ms=self.now_ms, k=60)


def build(home: Path) -> Town:
    made = generate(products=150, shoppers=60, events=2500)
    dataset = made.dataset()
    training = {"trees": 12, "leaves": 6, "min_rows": 10, "max_rankings": 150}
    config = parse_config(
        {
            "home": str(home),
            "encoder": {"dim": 16},
            "features": {"attributes": ["colour"]},
            "training": {**training, "max_test_rankings": 20, "threads": 1},
            "exploration": {"reach": 60},
        }
    )
    engine = open_engine(config)
    workspace = Workspace(config)
    with workspace.cache() as cache:
        shop = workspace.shop(dataset, engine, cache)
        vectors = shop.encoder.encode([item.text() for item in dataset.items])
        schema = IndexSchema(shop.encoder.dim, shop.encoder.fingerprint, ("colour",))
        version = engine.create(schema)
        rows = zip(dataset.items, vectors, strict=True)
        engine.write(version, [Document(item, vector) for item, vector in rows])
        engine.seal(version)
        engine.promote(version)
        bundle = make_bundle(shop, train(shop))
    fresh = [Item(id=f"fresh{n}", title=f"Fresh shoes {n}") for n in range(4)]
    vectors = shop.encoder.encode([item.text() for item in fresh])
    added = zip(fresh, vectors, strict=True)
    engine.write(version, [Document(item, vector) for item, vector in added])
    engine.seal(version)
    state = MemoryState(config.training.gains)
    log = shop.events.log
    state.append(log)
    state.show(shop.events.pages)
    users = sorted({one.user for one in log if one.user is not None})
    texts = sorted({one.query for one in log if one.query})
    return Town(
        config,
        engine,
        state,
        bundle,
        {item.id: item for item in (*dataset.items, *fresh)},
        users,
        texts,
        int(shop.events.time_ms[-1]) + 1000,
    )


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = build(tmp_path_factory.mktemp("town"))
    yield made
    made.engine.close()


FUSIONS = ("vote", "weighted", "lambdamart", "cascade")


@pytest.fixture(scope="session")
def pipelines(town: Town) -> dict[str, Pipeline]:
    """One pipeline for each fusion that may serve; reasons in `coded` tell their case and facts."""
    coded = town.config.home / "coded.toml"
    tables: dict[str, dict[str, str]] = {}
    for case, facts in CASES.items():
        family, name = case.split(".")
        named = "".join(f"|{{{fact}}}" for fact in facts)
        tables.setdefault(family, {})[name] = case + named
    coded.write_text(tomli_w.dumps(tables), encoding="utf-8")
    reasons = ReasonsConfig(language="coded", files={"coded": coded})
    config = town.config.model_copy(update={"reasons": reasons})
    found = {}
    for name in FUSIONS:
        selections = {"": Selection(name)}
        bundle = replace(town.bundle, selections=selections, version=name)
        found[name] = Pipeline(config, town.engine, town.state, bundle)
    return found
