"""What keeps a version from going live, and how that is overridden."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from index_tools.load import load
from index_tools.verify import VerificationError
from index_tools.versions import status
from search_rerank.config import Config, EncoderConfig, LoadConfig
from search_rerank.engines.base import Engine
from search_rerank.workspace import Workspace
from tests.index_tools.conftest import ROWS

pytestmark = pytest.mark.slow

Write = Callable[..., Path]


def others(n: int) -> list[dict[str, Any]]:
    """Products that have an id and a title as ours, and share none."""
    return [{"id": f"X{i}", "title": f"yellow garden chair number {i}"} for i in range(n)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:29], "expected at least 30 items, load.min_count of the 60 in .*, found 29"),
        ([*ROWS, *({"id": "bad"} for _ in range(7))], "at most 10.0% .*max_refused.*found 10.4%"),
        (
            [{"id": f"new{n}", "title": row["title"]} for n, row in enumerate(ROWS)],
            r"at least 30% of those in .* .load.min_overlap., found 0%",
        ),
    ],
)
def test_a_threshold_that_is_missed_keeps_the_live_version(
    config: Config, engine: Engine, catalogue: Write, rows: list[Any], message: str
) -> None:
    first = load(config, catalogue(), engine, promote=True)
    with pytest.raises(VerificationError, match=message):
        load(config, catalogue(rows), engine, promote=True)
    new, old = status(config, engine)
    assert (old.version.name, old.version.live, old.verified) == (first.version, True, True)
    assert (new.version.live, new.verified) == (False, False)


def test_the_thresholds_are_settings(config: Config, engine: Engine, catalogue: Write) -> None:
    load(config, catalogue(), engine, promote=True)
    lenient = LoadConfig(min_count=0.1, min_overlap=0.0, max_refused=0.5)
    easy = config.model_copy(update={"load": lenient})
    assert load(easy, catalogue([*others(6), {"id": "bad"}]), engine).verified


def test_force_promotes_all_the_same_and_says_what(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    load(config, catalogue(), engine, promote=True)
    loaded = load(config, catalogue(ROWS[:10]), engine, promote=True, force=True)
    assert (loaded.live, loaded.verified) == (True, False)
    assert "overridden: " in loaded.notes[-1]
    assert "load.min_count" in loaded.notes[-1]
    assert engine.count() == 10


def test_half_a_file_is_not_promoted(config: Config, engine: Engine, tmp_path: Path) -> None:
    whole = gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode(), 0)
    path = tmp_path / "catalogue.jsonl.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(VerificationError, match=r"expected a whole file, found that .* ends early"):
        load(config, path, engine, promote=True)
    assert not any(version.live for version in engine.versions())


def test_frequent_queries_are_probes(config: Config, engine: Engine, catalogue: Write) -> None:
    load(config, catalogue(), engine, promote=True)
    new = [{"id": f"new{n}", "title": row["title"]} for n, row in enumerate(ROWS)]
    no_titles = config.model_copy(update={"load": LoadConfig(probes=0)})
    assert load(no_titles, catalogue(new), engine).verified
    with pytest.raises(VerificationError, match="first 10 of 1 searches"):
        load(no_titles, catalogue(new), engine, queries=["red shoes"])


# the encoder of a tiny catalogue


@pytest.fixture
def tiny(config: Config, engine: Engine, catalogue: Write) -> str:
    loaded = load(config, catalogue(ROWS[:2]), engine, promote=True)
    assert engine.versions()[0].schema.dim == 1
    return loaded.encoder


def test_it_is_fitted_anew_on_a_larger_one(
    config: Config, engine: Engine, catalogue: Write, tiny: str
) -> None:
    loaded = load(config, catalogue(), engine, promote=True)
    assert loaded.encoder != tiny
    assert engine.versions()[0].schema.dim == 8
    assert "a new encoder of 8 dimensions was fitted: the one before had 1" in loaded.notes[0]
    again = load(config, catalogue(), engine)
    assert (again.encoder, again.notes) == (loaded.encoder, ())


def test_it_stays_where_a_bundle_was_trained_with_it_and_every_load_says_so(
    config: Config, engine: Engine, catalogue: Write, tiny: str
) -> None:
    folder = Workspace(config).bundles / "b1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"encoder": tiny}))
    for _ in range(2):
        loaded = load(config, catalogue(), engine, promote=True)
        assert loaded.encoder == tiny
        assert "bundle b1 was trained with it: load again with --refit-encoder" in loaded.notes[0]
    assert load(config, catalogue(), engine, refit_encoder=True).encoder != tiny


def test_one_that_is_small_by_choice_stays(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    small = config.model_copy(update={"encoder": EncoderConfig(dim=3)})
    loaded = load(small, catalogue(), engine, promote=True)
    assert load(config, catalogue(), engine).encoder == loaded.encoder
