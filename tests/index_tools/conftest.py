"""A catalogue file, a home folder, and the real embedded engine over it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search_rerank.config import Config, EncoderConfig
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


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path / "home", encoder=EncoderConfig(dim=8))


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
