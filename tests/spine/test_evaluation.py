"""The table's figures, on queries whose outcome is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.data.event import Interaction
from search_rerank.evaluation import evaluate as room
from search_rerank.evaluation.collecting import Collected, System
from search_rerank.evaluation.evaluate import evaluate
from search_rerank.evaluation.evaluated import Evaluated, Evaluation, Row
from search_rerank.evaluation.measures import parse_measure
from search_rerank.evaluation.report.findings import work_out
from search_rerank.evaluation.report.write import write_report
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed
from search_rerank.training import Shop, cuts, tasks, train
from tests.spine.world import World

pytestmark = pytest.mark.slow

NAMES = ("score.one", "score.two")


def part(gains: list[float], missed: list[float], scores: list[tuple[float, float]]) -> Replayed:
    n = len(gains)
    table = FeatureTable(
        NAMES,
        np.array(scores, dtype=np.float32),
        np.array([0, n]),
        np.arange(n, dtype=np.int32),
    )
    occasion = Occasion(Query("boots", "ann"), {})
    unknown = np.full(n, -1, dtype=np.int32)
    items = np.arange(10, 10 + n, dtype=np.int32)
    return Replayed(table, np.array(gains, dtype=np.float32), [missed], [occasion], items, unknown)


def collected(*parts: Replayed, depth: int = 3) -> Collected:
    systems = {
        "engine": System(lambda table: -table.engine_rank.astype(float)),
        "one": System(lambda table: table.column("score.one"), alone=True),
        "two": System(lambda table: table.column("score.two"), alone=True),
    }
    found = Collected(systems, len(parts), depth)
    rng = np.random.default_rng(0)
    for one in parts:
        found.add(one, rng)
    return found


def measured(*parts: Replayed) -> dict[str, dict[str, float]]:
    return {
        who: {name: float(values.mean()) for name, values in of.items()}
        for who, of in collected(*parts).values().items()
    }


def test_a_relevant_item_that_was_not_retrieved_counts_as_missed() -> None:
    found = measured(part([0, 1], [1], [(0, 0), (1, 1)]))["one"]
    assert found["recall@200"] == 1 / 2
    assert found["nDCG@10"] == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert found["MRR"] == 1


def test_a_query_of_which_nothing_was_retrieved_still_counts() -> None:
    found = measured(part([1, 0], [], [(1, 1), (0, 0)]), part([0, 0], [1], [(1, 0), (0, 1)]))["one"]
    assert found == {"nDCG@10": 1 / 2, "MRR": 1 / 2, "HR@10": 1 / 2, "recall@200": 1 / 2}


def test_each_system_ranks_by_its_own_column() -> None:
    found = measured(part([0, 0, 3], [], [(1, 0), (0, 1), (2, 0.5)]))
    assert found["engine"]["MRR"] == pytest.approx(1 / 3)
    assert found["one"]["MRR"] == 1
    assert found["two"]["MRR"] == 1 / 2


def test_a_scorer_without_opinion_gets_no_help_from_the_engine_s_order() -> None:
    """Ties of a single scorer break at random: all NaN is chance, not the engine's order."""
    nan = (np.nan, np.nan)
    found = measured(*(part([3] + [0] * 9, [], [nan] * 10) for _ in range(400)))
    chance = np.mean([1 / place for place in range(1, 11)])
    assert found["engine"]["MRR"] == 1
    assert found["one"]["MRR"] == pytest.approx(chance, abs=0.06)


def test_the_first_places_of_each_list_are_kept() -> None:
    found = collected(
        part([0, 0, 0, 1], [], [(1, 0), (4, np.nan), (3, 2), (2, 1)]),
        part([1, 0], [], [(0, 1), (1, 0)]),
    ).lists()
    assert found["engine"].tolist() == [[10, 11, 12], [10, 11, -1]]
    assert found["one"].tolist() == [[11, 12, 13], [11, 10, -1]]
    assert found["two"].tolist() == [[12, 13, 10], [10, 11, -1]]


def test_measures_asked_for_are_taken_once_beside_the_usual_ones() -> None:
    asked = [parse_measure(name) for name in ("P@2", "MRR")]
    found = Collected({"engine": System(lambda table: -table.engine_rank)}, 1, 3, asked)
    found.add(part([1, 0, 1], [], [(0, 0)] * 3), np.random.default_rng(0))
    values = found.values()["engine"]
    assert list(values) == ["nDCG@10", "MRR", "HR@10", "recall@200", "P@2"]
    assert values["P@2"].tolist() == [1 / 2]


def test_rows_of_queries_spread_evenly_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_rerank.evaluation.collecting.SAMPLED", 3)
    parts = [part([0, n], [n], [(n, n)] * 2) for n in range(9)]
    joined = [Replayed.concat(parts[:5]), Replayed.concat(parts[5:])]
    found = Collected({"one": System(lambda table: table.column("score.one"))}, 9, 3)
    for one in joined:
        found.add(one, np.random.default_rng(0))
    sample = found.sample()
    assert sample.table.column("score.one").tolist() == [0, 0, 4, 4, 8, 8]
    assert sample.gains.tolist() == [0, 0, 0, 4, 0, 8]
    assert sample.missed == [[0], [4], [8]]
    assert found.sampled().tolist() == [0, 4, 8]
    assert found.scores()["one"].tolist() == [0, 0, 4, 4, 8, 8]
    assert sample.table.offsets.tolist() == [0, 2, 4, 6]


# The whole table, on a public set in small: the generated shop's log with known query items.


@pytest.fixture(scope="module")
def asked(world: World) -> Iterator[Shop]:
    """A set whose queries are known, as the public ones are: its categories, and what they hold."""
    asks: dict[str, list[str]] = {}
    for item in world.made.items:
        asks.setdefault(item.category[0].lower(), []).append(item.id)
    events = [
        event.model_copy(update={"ranking": None, "query": None, "session": None})
        for event in world.made.events
        if isinstance(event, Interaction) and event.user is not None
    ]
    few = {"max_rankings": 120, "max_test_rankings": 60, "trees": 4, "live": None}
    with world.ready(**few) as shop:
        dataset = replace(shop.dataset, query_items=asks, events=events)
        columns = type(shop.events).from_events(events, shop.catalogue.ids)
        yield replace(shop, dataset=dataset, events=columns)


@pytest.fixture(scope="module")
def fusions(asked: Shop) -> Mapping[str, Mapping[str, Fusion]]:
    return train(asked)


@pytest.fixture(scope="module")
def evaluation(asked: Shop, fusions: Mapping[str, Mapping[str, Fusion]]) -> Evaluation:
    return evaluate(asked, fusions)


@pytest.fixture(scope="module")
def table(evaluation: Evaluation) -> list[Row]:
    return evaluation.rows()


def test_a_set_with_query_items_has_end_to_end_rows_beside(table: list[Row]) -> None:
    systems = [row["system"] for row in table]
    plain = systems[: len(systems) // 2]
    assert plain[0] == "engine" and plain[-1] == "cascade"
    assert systems[len(plain) :] == [f"e2e_{name}" for name in plain]


def test_recall_stands_only_where_the_whole_catalogue_was_asked(table: list[Row]) -> None:
    having = [str(row["system"]) for row in table if "recall@200" in row]
    assert having == [str(row["system"]) for row in table if str(row["system"]).startswith("e2e_")]
    assert having


def test_each_task_has_its_own_best_single_and_difference(table: list[Row]) -> None:
    best = [str(row["system"]) for row in table if row.get("best_single")]
    assert [name.startswith("e2e_") for name in best] == [False, True]
    assert [row["p_vs_best_single"] for row in table if row.get("best_single")] == [1, 1]
    assert [row["system"] for row in table if "minus_weighted" in row] == ["cascade", "e2e_cascade"]


def test_lists_and_gains_give_the_measures_again(asked: Shop, evaluation: Evaluation) -> None:
    """What is kept is enough: MRR of the first ten by the kept items is that of the table."""
    ids = asked.catalogue.ids
    for task in evaluation.tasks.values():
        assert len(task.occasions) == len(task.shoppers) == len(task.history) == len(task.demand)
        for system in task.systems:
            lists = task.lists[system]
            for n, occasion in enumerate(task.occasions):
                taken = [i >= 0 and ids.id(i) in occasion.gains for i in lists[n, :10].tolist()]
                assert task.of(system, "HR@10")[n] == any(taken)
                if any(taken):
                    assert task.of(system, "MRR")[n] == 1 / (1 + taken.index(True))


def test_what_was_known_is_what_the_log_held_before_the_cut(
    asked: Shop, evaluation: Evaluation
) -> None:
    cut = cuts(asked.events, asked.config.training)
    task = evaluation.tasks[""]
    for n in range(0, len(task.occasions), 7):
        user = task.occasions[n].query.user
        before = [e for e in asked.events.log if e.user == user and e.time_ms < cut.test]
        assert task.history[n] == len(before)
    assert (task.demand == 0).all()  # the log of this set names no queries


def test_the_task_that_serves_searches_the_whole_catalogue(evaluation: Evaluation) -> None:
    assert evaluation.serving is evaluation.tasks["e2e_"]
    assert evaluation.serving.whole_catalogue
    assert isinstance(evaluation.serving, Evaluated)


def test_a_report_of_both_tasks_has_files_of_each(
    asked: Shop, fusions: Mapping[str, Mapping[str, Fusion]], evaluation: Evaluation, tmp_path: Path
) -> None:
    findings = work_out(asked, evaluation, fusions, "cascade", "weighted")
    write_report(tmp_path, findings, asked.catalogue, {}, {}, {})
    for prefix, task in evaluation.tasks.items():
        lines = (tmp_path / f"{prefix}per_query.csv").read_text("utf-8").splitlines()
        assert len(lines) == 1 + len(task.occasions)
        assert (tmp_path / f"{prefix}qrels.txt").is_file()
        assert (tmp_path / "runs" / f"{prefix}cascade.run").is_file()
    text = (tmp_path / "report.html").read_text("utf-8")
    assert text.index("Given candidates") < text.index("Whole catalogue")
    ids = re.findall(r'<[^>]* id="([^"]+)"', text)
    assert len(set(ids)) == len(ids)
    assert findings.main.evaluated is evaluation.serving
    assert findings.explanation is not None  # of the trees that serve, not of the other task's
    assert findings.explanation.importance == fusions["e2e_"]["cascade"].importance()  # type: ignore[attr-defined]


def test_what_is_ranked_is_what_the_protocol_asks(asked: Shop) -> None:
    cut = cuts(asked.events, asked.config.training)
    found = tasks(asked, cut.test, cut.end)
    assert list(found) == ["", "e2e_"]
    assert len(found[""]) == len(found["e2e_"]) > 60
    assert {one.asked is None for one in found[""]} == {False}
    assert {one.asked is None for one in found["e2e_"]} == {True}


def test_a_public_set_is_frozen_and_a_shop_s_log_is_live(asked: Shop) -> None:
    assert asked.live is False
    assert replace(asked, dataset=replace(asked.dataset, query_items=None)).live is True
    assert "state frozen at the cut" in room.protocol(asked)


@pytest.mark.slow
def test_the_same_data_gives_the_same_table(asked: Shop, table: list[Row]) -> None:
    assert evaluate(asked, train(asked)).rows() == table


class _Oracle:
    """Knows nothing, says so: every row alike."""

    name = "cascade"

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        return np.zeros(len(table))


@pytest.mark.slow
def test_a_fusion_that_knows_nothing_is_the_engine(asked: Shop) -> None:
    fusions = train(asked)
    for prefix in fusions:
        fusions[prefix]["cascade"] = _Oracle()  # type: ignore[assignment]
    rows = {str(row["system"]): row for row in evaluate(asked, fusions).rows()}
    for prefix in fusions:
        for measure in ("nDCG@10", "MRR", "HR@10"):
            assert rows[f"{prefix}cascade"][measure] == rows[f"{prefix}engine"][measure]
