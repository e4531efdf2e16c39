"""A shop in which trees see what is taken, the engine half of the time, and a scorer never."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.config import Config
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Interaction
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.evaluation.collecting import Collected, System
from search_rerank.evaluation.evaluated import Evaluated, Evaluation
from search_rerank.evaluation.report.findings import Findings, work_out
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.selection import Selection, Trial
from search_rerank.labels.propensity import Propensities
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed
from search_rerank.training import Shop

HOSTILE = '<script>alert("1")</script> & $x_1$'
QUERIES, N = 80, 12
GAIN_NAMES = {1.0: "click"}


def catalogue() -> Catalogue:
    return Catalogue.from_items(items())


def items() -> list[Item]:
    return [
        Item(id=f"item {n}", title=f"{HOSTILE} {n}", brand=f"B{n % 3}", category=[f"C$ {n % 2}"])
        for n in range(N)
    ]


def log() -> list[Interaction]:
    return [
        Interaction(
            id=f"e{n}",
            time_ms=n * 1000,
            user=f"u{n % 9}",
            query="boots",
            item=f"item {n % 7}",
            type="click",
        )
        for n in range(100)
    ]


def replayed() -> Replayed:
    """One item is taken a query: the one with the largest `good`, in half of them the engine's."""
    rng = np.random.default_rng(0)
    good = rng.random((QUERIES, N))
    taken = good.argmax(axis=1)
    rank = np.tile(np.arange(N), (QUERIES, 1))
    for query in range(0, QUERIES, 2):  # the engine's first
        rank[query] = np.roll(np.arange(N), taken[query])
    gains = np.zeros((QUERIES, N), dtype=np.float32)
    gains[np.arange(QUERIES), taken] = 1.0
    table = FeatureTable(
        names=("query.good", "score.noise"),
        X=np.column_stack([good.ravel(), rng.random(QUERIES * N)]).astype(np.float32),
        offsets=np.arange(QUERIES + 1, dtype=np.int64) * N,
        engine_rank=rank.ravel().astype(np.int32),
    )
    occasions = [
        Occasion(
            Query(f"boots {HOSTILE}" if n % 3 else "boots", f"u{n % 20}", now_ms=95_000 + n),
            {f"item {taken[n]}": 1.0},
        )
        for n in range(QUERIES)
    ]
    numbers = np.tile(np.arange(N, dtype=np.int32), QUERIES)
    unknown = np.full(QUERIES * N, -1, dtype=np.int32)
    return Replayed(table, gains.ravel(), [[]] * QUERIES, occasions, numbers, unknown)


@pytest.fixture(scope="session")
def trees() -> LambdaMart:
    rows = replayed()
    return LambdaMart.fit(
        rows.table, rows.gains, TreeOptions(trees=30, leaves=5, min_rows=5, threads=1)
    )


@pytest.fixture(scope="session")
def evaluated(trees: LambdaMart) -> Evaluated:
    rows = replayed()
    systems = {
        "engine": System(lambda table: -table.engine_rank.astype(np.float64)),
        "noise": System(lambda table: table.column("score.noise"), alone=True),
        "lambdamart": System(trees.fuse),
    }
    found = Collected(systems, QUERIES, depth=10)
    found.add(rows, np.random.default_rng(0))
    return Evaluated(
        prefix="",
        values=found.values(),
        singles=["noise"],
        occasions=rows.occasions,
        history=np.arange(QUERIES, dtype=np.int64) % 7,
        demand=np.arange(QUERIES, dtype=np.int64),
        lists=found.lists(),
        sample=found.sample(),
        sampled=found.sampled(),
        scores=found.scores(),
        whole_catalogue=True,
        seed=0,
    )


@pytest.fixture(scope="session")
def shop() -> Shop:
    made = catalogue()
    dataset = Dataset("corner & co", items(), log())
    nothing = None  # no engine, no encoder: what is worked out needs neither
    return Shop(
        dataset,
        made,
        Events.from_events(log(), made.ids),
        nothing,
        nothing,
        nothing,
        Config(),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def findings(shop: Shop, evaluated: Evaluated, trees: LambdaMart) -> Findings:
    fusions: dict[str, dict[str, Fusion]] = {"": {"lambdamart": trees}}
    places = Propensities("em", (1, 0.5), (1, 0.4), (1, 0.6), (900, 300), 1200, "asked for")
    evaluation = Evaluation({"": evaluated})
    trials = (
        Trial("lambdamart", "", 0.9, 0.0, (0.0, 0.0), 1.0),
        Trial("vote", "borda", 0.5, -0.4, (-0.5, -0.3), 0.0001),
    )
    chosen = Selection("lambdamart", 1234, trials)
    return work_out(shop, evaluation, fusions, "lambdamart", "engine", places, chosen)
