"""Runs and judgements as other tools read them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, nDCG

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.evaluation.report.trec import escaped, query_id, scale, write_qrels, write_runs
from search_rerank.occasions import Occasion
from search_rerank.query import Query

N, K, QUERIES = 30, 20, 200
MEASURES = {"nDCG@10": nDCG @ 10, "MRR": RR, "AP": AP, "recall@20": R @ 20}


def occasion(gains: dict[str, float]) -> Occasion:
    return Occasion(Query("boots"), gains)


@pytest.mark.parametrize("factor", [1.0, 0.5, 0.01])
def test_ir_measures_reads_them_and_agrees(tmp_path: Path, factor: float) -> None:
    """Lists of all candidates, several things taken, some not retrieved, gains with fractions."""
    rng = np.random.default_rng(3)
    ids = [f"i {n}\u00a0%{n}" for n in range(N)]
    catalogue = Catalogue.from_items(Item(id=id_, title="x") for id_ in ids)
    shown = np.array([rng.permutation(N)[:K] for _ in range(QUERIES)], dtype=np.int32)
    shown[::5, 12:] = -1  # shorter lists
    shown[7] = -1  # nothing found
    occasions, gains, missed = [], np.zeros((QUERIES, K)), []
    for n in range(QUERIES):
        taken = rng.choice(N, size=rng.integers(1, 6), replace=False)
        worth = {int(item): factor * int(rng.integers(1, 4)) for item in taken}
        occasions.append(occasion({ids[item]: gain for item, gain in worth.items()}))
        gains[n] = [worth.get(item, 0.0) for item in shown[n].tolist()]
        missed.append([gain for item, gain in worth.items() if item not in shown[n]])
    write_runs(tmp_path / "runs", {"ours": shown}, catalogue, "e2e_")
    write_qrels(tmp_path / "qrels.txt", occasions)
    places = np.tile(np.arange(K), QUERIES)
    offsets = np.arange(QUERIES + 1) * K
    grouped = Grouped.ranked(gains.ravel(), -places.astype(float), places, offsets, missed)

    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")))
    run = list(ir_measures.read_trec_run(str(tmp_path / "runs" / "e2e_ours.run")))
    theirs = {
        (metric.query_id, str(metric.measure)): metric.value
        for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run)
    }
    for name, measure in MEASURES.items():
        ours = parse_measure(name).values(grouped)
        for n in range(QUERIES):
            assert theirs[query_id(n), str(measure)] == pytest.approx(ours[n], abs=1e-9), name


@given(st.text(min_size=1))
def test_an_escaped_id_is_one_word_and_comes_back(id_: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in id_):
        return  # no UTF-8 for it, so that no file holds it
    assert escaped(id_).split() == [escaped(id_)]
    assert unquote(escaped(id_)) == id_


def test_the_usual_id_stays_as_it_is() -> None:
    assert escaped("B00-x/ü") == "B00-x/ü"
    assert escaped("a b%") == "a%20b%25"


def test_gains_become_whole_numbers() -> None:
    assert scale([occasion({"a": 1.0, "b": 3.0})]) == 1
    assert scale([occasion({"a": 1.0}), occasion({"b": 0.1, "c": 0.01})]) == 100
    assert scale([occasion({"a": 1 / 3})]) == 1000  # as near as it gets


def test_the_smallest_gain_is_still_relevant(tmp_path: Path) -> None:
    write_qrels(tmp_path / "qrels.txt", [occasion({"a": 1 / 3, "b": 1e-6})])
    assert (tmp_path / "qrels.txt").read_text(encoding="utf-8") == "q1 0 a 333\nq1 0 b 1\n"
