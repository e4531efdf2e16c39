"""Our measures beside those of ir_measures, which asks trec_eval and gdeval."""

import shutil

import ir_measures
import numpy as np
import pytest

from search_rerank.evaluation.measures import parse_measure
from search_rerank.evaluation.qrels import from_run

pytestmark = pytest.mark.slow

GRADES = {grade: 2**grade - 1 for grade in range(5)}
SAME = {
    "nDCG@10": ir_measures.nDCG @ 10,
    "nDCG@3": ir_measures.nDCG @ 3,
    "nDCG": ir_measures.nDCG,
    "nDCG_exp@10": ir_measures.nDCG(gains=GRADES) @ 10,
    "MRR": ir_measures.RR,
    "MRR@10": ir_measures.RR @ 10,
    "AP": ir_measures.AP,
    "AP@5": ir_measures.AP @ 5,
    "recall@200": ir_measures.R @ 200,
    "recall@5": ir_measures.R @ 5,
    "P@5": ir_measures.P @ 5,
    "HR@10": ir_measures.Success @ 10,
    "success@1": ir_measures.Success @ 1,
}

SMALLER_FIRST = ("MRR@10",)
"""What ir_measures asks MS MARCO's script for, which breaks ties the other way."""

Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]


def drawn(rng: np.random.Generator, queries: int = 6) -> tuple[Qrels, Run]:
    """Queries with ties in every list, documents not judged, judgements not retrieved; one query
    without results, one with nothing relevant, one that nobody judged."""
    qrels: Qrels = {}
    run: Run = {}
    for query in range(1, queries + 1):
        documents = [f"d{number}" for number in rng.permutation(40)]
        judged = documents[: rng.integers(1, 25)]
        grades = rng.integers(-1 if query == 4 else 0, 5, len(judged)) if query != 2 else [0]
        qrels[str(query)] = dict(zip(judged, map(int, grades), strict=False))
        rng.shuffle(documents)
        found = documents[: rng.integers(1, 40)]
        scores = rng.integers(0, rng.integers(2, 12), len(found)) / 4
        run[str(query)] = dict(zip(found, scores.tolist(), strict=True))
    del run["1"]
    del qrels["3"]
    return qrels, run


def many(runs: int, seed: int) -> tuple[Qrels, Run]:
    """The queries of many runs in one, so that both sides are asked once."""
    rng = np.random.default_rng(seed)
    qrels: Qrels = {}
    run: Run = {}
    for block in range(runs):
        for given, whole in zip(drawn(rng), (qrels, run), strict=True):
            whole |= {f"{block * 10 + int(query)}": row for query, row in given.items()}
    return qrels, run


def ours(name: str, qrels: Qrels, run: Run) -> dict[str, float]:
    queries, groups = from_run(qrels, run, greater_first=name not in SMALLER_FIRST)
    return dict(zip(queries, parse_measure(name).values(groups).tolist(), strict=True))


def test_a_thousand_random_runs_agree_with_ir_measures() -> None:
    qrels, run = many(1_000, seed=0)
    theirs: dict[object, dict[str, float]] = {}
    # Asked for together with mapped gains, ir_measures may compute a plain nDCG with them, too.
    mapped = [SAME["nDCG_exp@10"]]
    for asked in (mapped, [one for one in SAME.values() if one not in mapped]):
        for one in ir_measures.iter_calc(asked, qrels, run):
            theirs.setdefault(one.measure, {})[one.query_id] = one.value
    for name, measure in SAME.items():
        values = ours(name, qrels, run)
        assert values.keys() == theirs[measure].keys() == qrels.keys()
        assert len(set(values.values())) > 1  # it does not agree by being always 0
        expected = [theirs[measure][query] for query in values]
        np.testing.assert_allclose(list(values.values()), expected, 0, 1e-9, err_msg=name)


@pytest.mark.skipif(not shutil.which("perl"), reason="gdeval is a Perl script")
@pytest.mark.parametrize(
    ("name", "measure"),
    [("ERR@10", ir_measures.ERR @ 10), ("nDCG_exp@5", ir_measures.nDCG(dcg="exp-log2") @ 5)],
)
def test_graded_measures_agree_with_gdeval(name: str, measure: object) -> None:
    qrels, run = many(100, seed=1)
    theirs = {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, run)}
    values = ours(name, qrels, run)
    assert values.keys() == theirs.keys()
    expected = [theirs[query] for query in values]
    np.testing.assert_allclose(list(values.values()), expected, 0, 5.1e-6)  # it prints five digits


def test_scores_that_single_precision_cannot_tell_apart_are_ties() -> None:
    qrels, run = {"1": {"a": 1}}, {"1": {"a": 1 + 1e-9, "b": 1.0}}
    (one,) = ir_measures.iter_calc([ir_measures.RR], qrels, run)
    assert ours("MRR", qrels, run) == {"1": one.value} == {"1": 1 / 2}
