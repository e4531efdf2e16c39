import numpy as np
import pytest

from search_rerank.errors import BundleError, DataError
from search_rerank.features.table import FeatureTable
from search_rerank.fusion import load_fusion
from search_rerank.fusion.cascade import Cascade
from search_rerank.fusion.grouped import ranks, scaled
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.vote import Vote, voters
from search_rerank.fusion.weighted import Weighted

NAN = np.nan
SMALL = TreeOptions(trees=80, leaves=7, min_rows=5, threads=1)


def table(columns: dict[str, list[float]], sizes: list[int]) -> FeatureTable:
    return FeatureTable(
        names=tuple(columns),
        X=np.column_stack(list(columns.values())).astype(np.float32),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        engine_rank=np.concatenate([np.arange(n) for n in sizes]).astype(np.int32),
    )


def world(groups: int = 60, n: int = 12, seed: int = 0) -> tuple[FeatureTable, np.ndarray]:
    """One relevant row a group, and it has the largest `good`; `noise` says nothing."""
    rng = np.random.default_rng(seed)
    good, noise = rng.random((groups, n)), rng.random((groups, n))
    gains = np.zeros((groups, n), dtype=np.float32)
    gains[np.arange(groups), good.argmax(axis=1)] = 3.0
    made = table({"good": good.ravel(), "noise": noise.ravel()}, [n] * groups)
    return made, gains.ravel()


def first_hits(made: FeatureTable, scores: np.ndarray, gains: np.ndarray) -> float:
    return float(gains[ranks(made, scores) == 0].astype(bool).mean())


def test_ranks_within_groups_break_ties_by_engine_rank() -> None:
    made = table({"x": [1, 3, 3, NAN, 5, 6]}, [4, 2])
    assert ranks(made, made.column("x")).tolist() == [2, 0, 1, 3, 1, 0]


def test_scaled_is_min_max_within_the_group() -> None:
    made = table({"x": [1, 3, 2, NAN, 5, 5]}, [4, 2])
    assert scaled(made, made.column("x")).tolist() == [0, 1, 0.5, 0, 0, 0]


def test_grouped_helpers_accept_empty_groups() -> None:
    made = table({"x": [1.0, 2.0]}, [0, 2, 0])
    assert ranks(made, made.column("x")).tolist() == [1, 0]
    assert scaled(made, made.column("x")).tolist() == [0, 1]


def test_vote_is_the_sum_of_reciprocal_ranks() -> None:
    made = table({"a": [3, 2, 1], "b": [1, NAN, 3], "flat": [7, 7, 7]}, [3])
    votes = Vote(("a", "b", "flat"), k=60).fuse(made)
    np.testing.assert_allclose(votes, [1 / 61 + 1 / 62, 1 / 62, 1 / 63 + 1 / 61])


def test_weighted_is_the_mean_of_scaled_columns() -> None:
    made = table({"a": [4, 2, 0], "b": [0, 1, NAN]}, [3])
    fused = Weighted(("a", "b"), (0.75, 0.25)).fuse(made)
    np.testing.assert_allclose(fused, [0.75, 0.75 * 0.5 + 0.25, 0.0])


def test_weights_learn_which_column_is_right() -> None:
    made, gains = world()
    fitted = Weighted.fit(made, gains, ["good", "noise"])
    assert sum(fitted.weights) == pytest.approx(1, abs=1e-5)
    assert fitted.weights[0] > 0.9


def test_voters_are_opinions_of_relevance() -> None:
    names = ("query.lexical", "score.als", "score.als_place", "item.age_days", "item.demand_30d")
    assert voters(names) == ("query.lexical", "item.demand_30d", "score.als")


def test_trees_learn_the_order() -> None:
    made, gains = world(200)
    fresh, truth = world(50, seed=1)
    model = LambdaMart.fit(made, gains, SMALL)
    assert first_hits(fresh, model.fuse(fresh), truth) > 0.6
    assert next(iter(model.importance())) == "good"


def test_the_same_seed_gives_the_same_text(tmp_path) -> None:
    made, gains = world()
    for name in "ab":
        (tmp_path / name).mkdir()
        LambdaMart.fit(made, gains, SMALL).save(tmp_path / name)
    texts = [(tmp_path / name / "reranker.txt").read_bytes() for name in "ab"]
    assert texts[0] == texts[1]


def test_trees_refuse_a_table_of_other_features() -> None:
    made, gains = world()
    model = LambdaMart.fit(made, gains, SMALL)
    with pytest.raises(BundleError, match="another feature set"):
        model.fuse(table({"good": [1.0], "other": [2.0]}, [1]))


def test_trees_refuse_a_log_that_teaches_nothing() -> None:
    made, gains = world()
    with pytest.raises(DataError, match="at least 2 queries"):
        LambdaMart.fit(made, np.zeros_like(gains), SMALL)


def test_cascade_keeps_what_the_first_stage_left_below(tmp_path) -> None:
    made, gains = world(200)
    first = Weighted(("good", "noise"), (0.5, 0.5))
    cascade = Cascade.fit(made, gains, first, 5, SMALL)
    fused = cascade.fuse(made)
    left = ranks(made, first.fuse(made)) >= 5
    assert fused[left].max() < 1 <= fused[~left].min()
    tail = FeatureTable(made.names, made.X, made.offsets, made.engine_rank)
    np.testing.assert_array_equal(ranks(tail, fused)[left], ranks(tail, first.fuse(made))[left])
    assert first_hits(made, fused, gains) > first_hits(made, first.fuse(made), gains)


@pytest.mark.parametrize("name", ["vote", "weighted", "lambdamart", "cascade"])
def test_saved_and_loaded_fusions_give_equal_scores(name: str, tmp_path) -> None:
    made, gains = world()
    weighted = Weighted.fit(made, gains, ["good", "noise"])
    fusion = {
        "vote": Vote(("good", "noise")),
        "weighted": weighted,
        "lambdamart": LambdaMart.fit(made, gains, SMALL),
        "cascade": Cascade.fit(made, gains, weighted, 6, SMALL),
    }[name]
    fusion.save(tmp_path)
    np.testing.assert_array_equal(load_fusion(name, tmp_path).fuse(made), fusion.fuse(made))


def test_an_unknown_fusion_names_the_nearest(tmp_path) -> None:
    with pytest.raises(BundleError, match="did you mean 'cascade'"):
        load_fusion("cascad", tmp_path)


def test_a_damaged_model_is_refused(tmp_path) -> None:
    (tmp_path / "reranker.txt").write_text("tree\nnot a model", encoding="utf-8")
    with pytest.raises(BundleError, match="not a readable LightGBM model"):
        LambdaMart.load(tmp_path)


def test_fusions_accept_a_table_without_rows() -> None:
    made, gains = world()
    none = made.rows(np.zeros(len(made), dtype=bool))
    weighted = Weighted(("good", "noise"), (0.5, 0.5))
    for fusion in (Vote(("good",)), weighted, Cascade.fit(made, gains, weighted, 6, SMALL)):
        assert len(fusion.fuse(none)) == 0
