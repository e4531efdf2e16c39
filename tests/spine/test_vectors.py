"""`search-rerank vectors`: the products of what it writes are the scores that the service sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import Result

from search_rerank.arrays import read_tensors
from search_rerank.data.history import History
from search_rerank.features.moment import read_history
from search_rerank.scorers.base import Representation
from tests.spine.world import World, run


def written(world: World, folder: Path, *arguments: str) -> Result:
    settings = {"home": str(world.config.home), "engine": {"index": world.config.engine.index}}
    return run(settings, folder, "vectors", *arguments)


def test_products_are_scores(world: World, tmp_path: Path) -> None:
    out = tmp_path / "als.safetensors"
    users = ("u00003", "nobody", "u00000")
    named = [word for user in users for word in ("--user", user)]
    result = written(world, tmp_path, "--scorer", "als", "--out", str(out), *named)
    assert result.exit_code == 0, result.output
    assert "nothing known of nobody: left out" in result.stderr
    about = orjson.loads(out.with_name("als.safetensors.json").read_bytes())
    arrays = read_tensors(out)
    bundle = world.bundle()
    (als,) = [scorer for scorer in bundle.scorers if scorer.name == "als"]
    assert isinstance(als, Representation)
    assert (about["bundle"], about["scorer"], about["dim"]) == (bundle.version, "als", 64)
    assert about["shoppers"] == ["u00003", "u00000"]
    assert {name: array.shape for name, array in arrays.items()} == {
        "items": (len(about["items"]), 64),
        "shoppers": (2, 64),
    }
    numbers = bundle.catalogue.ids.numbers(about["items"])
    assert (numbers >= 0).all()
    settings = bundle.config.training
    for row, user in zip(arrays["shoppers"], about["shoppers"], strict=True):
        history = read_history(
            world.query("", user), bundle.catalogue, world.state(), settings.gains, settings.history
        )
        scores = als.score(history, numbers)
        assert np.isfinite(scores).all()
        np.testing.assert_allclose(arrays["items"] @ row, scores, rtol=1e-4, atol=1e-6)
    left_out = np.setdiff1d(np.arange(len(bundle.catalogue), dtype=np.int32), numbers)
    assert np.isnan(als.score(History.of(numbers[:1]), left_out)).all()


def test_items_alone(world: World, tmp_path: Path) -> None:
    out = tmp_path / "als"
    version = world.bundle().version
    assert version is not None
    result = written(world, tmp_path, "--scorer", "als", "--bundle", version, "--out", str(out))
    assert result.exit_code == 0, result.output
    arrays = read_tensors(out)
    assert arrays["shoppers"].shape == (0, 64)
    assert f"{len(arrays['items']):,} items and 0 shoppers in 64 dimensions" in result.output


@pytest.mark.parametrize("scorer", ["popularity", "sequences"])
def test_a_scorer_without_vectors_is_refused(world: World, tmp_path: Path, scorer: str) -> None:
    result = written(world, tmp_path, "--scorer", scorer, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "expected a scorer with vectors (als in bundle" in result.output
    assert f"found '{scorer}'" in result.output
    assert not (tmp_path / "out").exists()


def test_without_a_bundle(tmp_path: Path) -> None:
    settings = {"home": str(tmp_path / "home")}
    out = str(tmp_path / "out")
    result = run(settings, tmp_path, "vectors", "--scorer", "als", "--out", out)
    assert result.exit_code == 1
    assert "no live bundle under" in result.output
