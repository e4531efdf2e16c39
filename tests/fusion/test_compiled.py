"""Trees as machine code score as LightGBM does, to the last bit, or LightGBM goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable
from search_rerank.fusion import compiled
from search_rerank.fusion.cascade import Cascade
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from tests.fusion.test_fusion import SMALL, table, world

pytest.importorskip("lleaves", reason="lleaves is not installed: LightGBM scores")

NAMES = ("good", "noise", "colour", "flat")
THRESHOLDS = (0.25, 0.5, 0.75)


def rows(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Columns that are steps, numbers, categories and always the same; each may be missing."""
    X = np.stack([rng.choice(THRESHOLDS, n), rng.normal(size=n), rng.integers(0, 40, n)], axis=1)
    X[rng.random(X.shape) < 0.1] = np.nan
    return np.column_stack([X, np.ones(n)]).astype(np.float32)


def tabled(X: NDArray[np.float32], size: int = 10) -> FeatureTable:
    offsets = np.append(np.arange(0, len(X), size), len(X)).astype(np.int64)
    return FeatureTable(NAMES, X, offsets, np.arange(len(X), dtype=np.int32))


def fitted(options: TreeOptions, seed: int) -> LambdaMart:
    rng = np.random.default_rng(seed)
    made = tabled(rows(300, rng))
    wanted = np.isin(made.X[:, 2], (3, 11, 20, 33)) + np.nan_to_num(made.X[:, 0]) > 0.6
    return LambdaMart.fit(made, wanted.astype(np.float32), options)


def asked(model: LambdaMart, seed: int) -> FeatureTable:
    """Rows as those learnt from, some with numbers at and beside a split, or without an end."""
    rng = np.random.default_rng(seed)
    X = rows(200, rng)
    text = model._booster.model_to_string()
    splits = [float(x) for line in text.splitlines() if line.startswith("threshold=")
              for x in line.removeprefix("threshold=").split()]  # fmt: skip
    exact = np.array([*splits, 0.5], dtype=np.float32)
    beside = np.nextafter(exact, np.float32(np.inf))
    odd = np.concatenate([exact, beside, np.array([np.inf, -np.inf, -1, 1e30], dtype=np.float32)])
    X = np.where(rng.random(X.shape) < 0.3, rng.choice(odd, X.shape), X)
    X[X == np.float32(-1e-35)] = 0  # see compiled.py
    return tabled(X)


OPTIONS = st.builds(
    TreeOptions,
    objective=st.sampled_from(["lambdarank", "rank_xendcg"]),
    trees=st.integers(1, 12),
    leaves=st.integers(2, 9),
    min_rows=st.sampled_from([1, 5, 100]),  # at 100 some trees have no split
    validation=st.just(0.0),
    categorical=st.sampled_from([(), ("colour",)]),
    rising=st.sampled_from([(), ("good",)]),
    falling=st.sampled_from([(), ("noise",)]),
    seed=st.integers(0, 3),
    threads=st.just(1),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(options=OPTIONS, seed=st.integers(0, 1000))
def test_compiled_trees_score_as_lightgbm_does(options: TreeOptions, seed: int) -> None:
    model = fitted(options, seed)
    made = asked(model, seed)
    before = model.fuse(made)
    model.compile()
    assert model.compiled
    np.testing.assert_array_equal(model.fuse(made), before)
    for n in (0, 1):
        few = made.rows(np.arange(len(made)) < n)
        np.testing.assert_array_equal(model.fuse(few), before[:n])


@pytest.fixture
def trees() -> LambdaMart:
    return LambdaMart.fit(*world(), SMALL)


def test_contributions_sum_to_the_compiled_score(trees: LambdaMart) -> None:
    made, _ = world(seed=1)
    trees.compile()
    assert trees.compiled
    found = trees.contributions(made)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, trees.fuse(made))


def test_trees_without_a_split_score_alike() -> None:
    model = fitted(replace(SMALL, trees=3, min_rows=1000, validation=0.0), 0)
    assert "num_leaves=1\n" in model._booster.model_to_string()
    model.compile()
    assert model.compiled
    assert set(model.fuse(tabled(rows(20, np.random.default_rng(0))))) == {0.0}


def test_what_is_saved_is_lightgbms_text_alone(trees: LambdaMart, tmp_path: Path) -> None:
    text = trees._booster.model_to_string()
    trees.compile()
    trees.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["reranker.txt"]
    assert (tmp_path / "reranker.txt").read_text(encoding="utf-8") == text
    assert LambdaMart.load(tmp_path).compiled is None


def test_every_fusion_tells_its_trees(trees: LambdaMart) -> None:
    weighted = Weighted(("good", "noise"), (0.5, 0.5))
    assert weighted.boosted() == Vote(("good",)).boosted() == ()
    assert trees.boosted() == (trees,)
    cascade = Cascade.fit(*world(), weighted, 6, SMALL)
    made, _ = world(seed=1)
    before = cascade.fuse(made)
    (own,) = cascade.boosted()
    own.compile()
    assert own.compiled
    np.testing.assert_array_equal(cascade.fuse(made), before)


def linear() -> LambdaMart:
    """Leaves that are lines, which the compiler does not know and takes for numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    options = {"linear_tree": True, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    data = lightgbm.Dataset(X, X[:, 0] * X[:, 1], feature_name=["good", "noise"])
    return LambdaMart(lightgbm.train(options, data, 3))


def test_trees_that_the_compiler_misunderstands_stay_lightgbms(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, (made, _) = linear(), world(seed=1)
    before = model.fuse(made)
    model.compile()
    assert model.compiled is False
    assert "expected the scores that LightGBM gives, found others for" in caplog.text
    np.testing.assert_array_equal(model.fuse(made), before)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "assert not 'of this kind', 'no such missing type'",
            "AssertionError: no such missing type",
        ),
        ("import no_such_compiler", "ModuleNotFoundError: No module named 'no_such_compiler'"),
        ("import os; os.abort()", "the compiler ended with -6"),
        ("print('no object file')", "found b'no object file"),
        ("import time; time.sleep(60)", "TimeoutExpired"),
    ],
)
def test_a_compiler_that_fails_leaves_lightgbm(
    script: str,
    said: str,
    trees: LambdaMart,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    (tmp_path / "compiler.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(compiled, "_COMPILER", str(tmp_path / "compiler.py"))
    monkeypatch.setattr(compiled, "_TIMEOUT_S", 0.1 if said == "TimeoutExpired" else 60)
    made, _ = world(seed=1)
    before = trees.fuse(made)
    trees.compile()
    assert trees.compiled is False
    assert said in caplog.text
    np.testing.assert_array_equal(trees.fuse(made), before)


def test_code_reads_no_columns_that_are_not_there(trees: LambdaMart) -> None:
    text = trees._booster.model_to_string()
    with pytest.raises(ValueError, match="expected 2 columns, found 1"):
        compiled._compiled(text)(np.zeros((5, 1), dtype=np.float32))


def test_too_many_leaves_are_not_compiled(
    trees: LambdaMart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "_MOST_LEAVES", 20)
    trees.compile()
    assert trees.compiled is False
    assert "expected at most 20 leaves, found" in caplog.text


def test_one_score_that_differs_is_enough(
    trees: LambdaMart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = compiled._compiled

    def wrong(text: str) -> compiled.Scores:
        scores = right(text)

        def nearly(X: NDArray[np.float32]) -> NDArray[np.float64]:
            found = scores(X)
            found[-1] = np.nextafter(found[-1], np.inf)
            return found

        return nearly

    monkeypatch.setattr(compiled, "_compiled", wrong)
    trees.compile()
    assert trees.compiled is False
    assert "found others for 1 of 1000 rows" in caplog.text


def test_threads_score_while_trees_are_compiled(trees: LambdaMart) -> None:
    made, _ = world(seed=1)
    before = trees.fuse(made)

    def score(_: int) -> bool:
        return all((trees.fuse(made) == before).all() for _ in range(50))

    with ThreadPoolExecutor(4) as pool:
        scoring = [pool.submit(score, n) for n in range(2)]
        trees.compile()
        scoring += [pool.submit(score, n) for n in range(4)]
        assert trees.compiled and all(one.result() for one in scoring)


def test_probes_hold_every_split_and_its_neighbours() -> None:
    made = table({"good": [0.1, 0.9] * 40, "noise": [0.0] * 80}, [10] * 8)
    gains = np.tile([0, 1], 40).astype(np.float32)
    stump = LambdaMart.fit(made, gains, replace(SMALL, trees=1, leaves=2, validation=0.0))
    text = stump._booster.model_to_string()
    (line,) = [one for one in text.splitlines() if one.startswith("threshold=")]
    split = np.float32(line.removeprefix("threshold="))
    found = set(compiled._probes(text)[:, 0].tolist())
    ends = (np.float32(-np.inf), np.float32(np.inf))
    assert {split, *(np.nextafter(split, end) for end in ends)} <= found
    assert np.isinf(list(found)).sum() == 2 and np.isnan(list(found)).any()
