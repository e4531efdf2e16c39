"""What rules cost a request: without any, with fifty that hold or do not, and each kind alone.

    python -m benchmarks.rules [--engine embedded] [--requests 500] [--json FILE]

Retrieval and ranking are left out: 200 candidates of the generated shop are ruled on, in a process
that has seen their items before, as a worker has after its first requests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import click
import numpy as np

from benchmarks.common import options, percentiles, report
from benchmarks.swap import drop_index
from search_rerank.config import Config, parse_config
from search_rerank.data.shop import generate
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.errors import DataError
from search_rerank.guarding.guards import Guards
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.ranking import as_they_come
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rule_set import RuleSet
from search_rerank.rules.rulebook import Rulebook
from search_rerank.stages import Stages

Row = dict[str, Any]
NOW_MS = 1_767_225_600_000
IDLE = {"query": {"contains": ["no such words"]}}
FIFTY = 50


@click.command()
@options
@click.option("--engine", default="embedded", type=click.Choice(["embedded", "elasticsearch"]))
@click.option("--products", default=3000, show_default=True, type=click.IntRange(300, 100_000))
@click.option("--requests", default=500, show_default=True, type=click.IntRange(20, 20_000))
def main(
    engine: str, products: int, requests: int, data: Path | None, json_file: Path | None
) -> None:
    """Print one row for each set of rules: milliseconds that it adds to a request."""
    if data is not None:
        raise DataError("expected the generated shop, found --data: leave it out")
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        config = parse_config(
            {"home": folder, "engine": {"kind": engine, "index": "benchmark-rules"}}
        )
        opened = open_engine(config)
        _fill(opened, products)
        seconds["index"] = perf_counter() - begun
        begun = perf_counter()
        found = opened.retrieve(Retrieve("", k=200))
        rows = [
            _timed(name, parse_rules(rules), found, config, opened, requests)
            for name, rules in _sets(opened, found).items()
        ]
        rows += _retrievals(opened, requests)
        seconds["requests"] = perf_counter() - begun
        if engine == "elasticsearch":
            drop_index(config.engine)
        opened.close()
    protocol = (
        f"{requests} requests after 20 to warm up, one client in the process, {len(found)} "
        f"candidates of a generated shop of {products} products on the {engine} engine; cpu_ms is "
        "the median time of the processor, the others of the clock; retrievals: one search of 200, "
        "as it is and with a hiding rule's filter"
    )
    report("rules", protocol, rows, seconds, json_file)


def _fill(engine: Engine, products: int) -> None:
    items = list(generate(products=products, shoppers=10, events=100).dataset().items)
    version = engine.create(IndexSchema(0, "none", ("colour", "material", "margin")), len(items))
    rng = np.random.default_rng(0)
    for start in range(0, len(items), 500):
        engine.write(
            version,
            [
                Document(
                    item.model_copy(
                        update={"attributes": {**item.attributes, "margin": float(rng.random())}}
                    )
                )
                for item in items[start : start + 500]
            ],
        )
    engine.seal(version)
    engine.promote(version)


def _sets(engine: Engine, found: Candidates) -> Mapping[str, list[Row]]:
    stored = engine.lookup(found.ids[:50])
    brands = sorted({one.item.brand for one in stored if one is not None and one.item.brand})[:10]
    there = set(found.ids)
    others = [id_ for id_ in engine.retrieve(Retrieve("", k=400)).ids if id_ not in there]
    kinds: dict[str, Row] = {
        "pin": {"places": {found.ids[20]: 1, found.ids[30]: 4}},
        "boost": {"where": {"terms": {"brand": brands[0]}}},
        "hide": {
            "where": {"ranges": {"attributes.margin": {"lte": 0.1}}},
            "when": {"segments": ["new_visitor"]},
        },
        "diversify": {"by": "brand"},
        "cap": {"by": "brand", "most": 2},
        "exposure": {"where": {"ranges": {"price": {"lte": 20}}}, "share": 0.5},
        "favour": {"by": "attributes.margin"},
    }
    alone: dict[str, list[Row]] = {
        kind: [{"id": kind, "kind": kind, **fields}] for kind, fields in kinds.items()
    }
    return {
        "none": [],
        "50 idle": [row | {"when": IDLE} for row in _fifty(brands, found.ids)],
        "1000 by query": [
            {
                "id": f"q{n}",
                "kind": "pin",
                "places": {found.ids[n % 9]: 1},
                "when": {"query": {"exact": [f"query {n}"]}},
            }
            for n in range(1000)
        ],
        "50 by id": [_by_id(n, found.ids) for n in range(FIFTY)],
        "50 by fields": _fifty(brands, found.ids),
        **alone,
        "pin put in": [{"id": "pin", "kind": "pin", "places": {others[0]: 1, others[1]: 3}}],
    }


def _by_id(n: int, ids: Sequence[str]) -> Row:
    if n % 5 == 0:
        return {"id": f"r{n}", "kind": "pin", "places": {ids[n]: n + 1}}
    kind = "boost" if n % 2 else "bury"
    where = {"terms": {"id": list(ids[n : n + 20])}}
    return {"id": f"r{n}", "kind": kind, "where": where, "places": 5}


def _fifty(brands: Sequence[str], ids: Sequence[str]) -> list[Row]:
    """Return rules of which most are boosts, as in a shop, and two of each other kind."""
    rows: list[Row] = [
        {"id": "cap", "kind": "cap", "by": "brand", "most": 3, "first": 20},
        {"id": "cap-2", "kind": "cap", "by": "attributes.colour", "most": 5, "first": 20},
        {"id": "mix", "kind": "diversify", "by": "category"},
        {"id": "mix-2", "kind": "diversify", "by": "brand", "first": 40},
        {"id": "margin", "kind": "favour", "by": "attributes.margin"},
        {"id": "stock", "kind": "favour", "by": "in_stock", "places": 20},
        {"id": "pin", "kind": "pin", "places": {ids[20]: 1}},
        {"id": "pin-2", "kind": "pin", "places": {ids[30]: 4}},
    ]
    rows += [
        {"id": f"share-{n}", "kind": "exposure", "share": 0.3, "first": 10 * (n + 1),
         "where": {"terms": {"brand": brands[n]}}}
        for n in range(2)
    ]  # fmt: skip
    for n in range(FIFTY - len(rows)):
        where: Row = {"terms": {"brand": brands[n % len(brands)]}}
        where |= {"ranges": {"price": {"gte": n}}}
        rows.append({"id": f"b{n}", "kind": "boost" if n % 4 else "bury", "where": where,
                     "priority": n % 7 - 9})  # fmt: skip
    return rows


def _timed(
    name: str, rules: RuleSet, found: Candidates, config: Config, engine: Engine, requests: int
) -> Row:
    path = config.home / "rules.json"
    path.write_bytes(rules.to_json())
    book, in_use = Rulebook(path, engine), InUse.of(config, engine, None)
    query = Query("", session="s", now_ms=NOW_MS)
    ranking = as_they_come(found, 0)
    took: list[float] = []
    spent: list[float] = []
    guards = Guards()
    for _ in range(requests + 20):
        stages = Stages(guards)
        start, cpu = perf_counter(), process_time()
        ruling = book.ruling("search", query, stages)
        more = ruling.candidates(lambda _: found, in_use)
        ruled = ranking if more is found else as_they_come(more, 0)
        _, done = ruling.applied(more, ruled)
        took.append((perf_counter() - start) * 1000)
        spent.append((process_time() - cpu) * 1000)
        if stages.degraded:
            raise DataError(f"{name}: expected rules that hold, found {stages.degraded}")
    uses = len(done.ruled.uses) if done.ruled is not None else 0
    row = {"system": name, "rules": len(rules.rules), "held": uses}
    return row | {"cpu_ms": float(np.median(spent[20:])), **percentiles(took[20:])}


def _retrievals(engine: Engine, requests: int) -> list[Row]:
    (hide,) = parse_rules(
        [{"id": "h", "kind": "hide", "where": {"terms": {"in_stock": "false"}}}]
    ).in_order
    plain = Retrieve("shoes", k=200)
    hidden = Retrieve("shoes", filters=hide.narrowed(plain.filters), k=200)  # type: ignore[attr-defined]
    took: tuple[list[float], list[float]] = [], []
    for _ in range(requests + 20):
        for times, request in zip(took, (plain, hidden), strict=True):
            start = perf_counter()
            engine.retrieve(request)
            times.append((perf_counter() - start) * 1000)
    names = ("retrieval", "retrieval, hiding")
    return [{"system": name, **percentiles(ms[20:])} for name, ms in zip(names, took, strict=True)]


if __name__ == "__main__":
    main()
