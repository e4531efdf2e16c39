"""A catalogue file, a home folder, and a real engine: the embedded one, or a server."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.swap import drop_index
from search_rerank.config import Config, EncoderConfig, EngineConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine

COLOURS = ("red", "blue", "green")
KINDS = ("running shoes", "leather boots", "matte lipstick", "face cream")
ROWS: list[dict[str, Any]] = [
    {
        "id": f"P{n}",
        "title": f"{COLOURS[n % 3]} {KINDS[n % 4]} model {n}",
        "brand": f"Brand{n % 5}",
        "price": 10.0 + n,
        "attributes": {"colour": COLOURS[n % 3], **({"late": True} if n == 59 else {})},
    }
    for n in range(60)
]
"""The last one alone has the attribute `late`."""


ES_URL = "SEARCH_RERANK_ES_URL"
ON_BOTH = pytest.mark.parametrize(
    "kind",
    ["embedded", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)],
    indirect=True,
)
"""Runs a test on each engine."""


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "embedded"))


@pytest.fixture
def config(tmp_path: Path, kind: str) -> Iterator[Config]:
    encoder, home = EncoderConfig(dim=8), tmp_path / "home"
    if kind == "embedded":
        yield Config(home=home, encoder=encoder)
        return
    url = os.environ.get(ES_URL)
    if not url:
        pytest.skip(f"no Elasticsearch: {ES_URL} is not set; start one with `make elasticsearch`")
    index = f"tools-{uuid.uuid4().hex[:10]}"
    server = EngineConfig(kind="elasticsearch", index=index, url=url, timeout_s=30)
    yield Config(home=home, encoder=encoder, engine=server)
    drop_index(server)


@pytest.fixture
def engine(config: Config) -> Iterator[Engine]:
    engine = open_engine(config)
    yield engine
    engine.close()


@pytest.fixture
def catalogue(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (objects, or text as it stands) to a file and return it."""

    def write(rows: list[Any] | None = None, name: str = "catalogue.jsonl") -> Path:
        path = tmp_path / name
        lines = [
            row if isinstance(row, str) else json.dumps(row)
            for row in (ROWS if rows is None else rows)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
