"""The commands as a user types them, on a written shop: what they print, write and refuse."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from search_rerank.bundles import live_bundle
from search_rerank.config import load_config, parse_config
from search_rerank.evaluation.evaluated import MEASURES, RETRIEVED
from search_rerank.state.opening import open_state, state_path
from search_rerank.workspace import Workspace
from tests.spine.world import SMALL, World, run

pytestmark = pytest.mark.slow

SYSTEMS = [
    "engine",
    *("popularity", "item_knn", "als", "content"),
    *("vote", "weighted", "lambdamart", "cascade"),
]


def rows(table: Any) -> dict[str, dict[str, Any]]:
    return {row["system"]: row for row in table["rows"]}


def test_the_table_has_the_common_form(world: World) -> None:
    table = world.table
    assert list(table) == ["name", "protocol", "rows", "seconds", "machine"]
    assert table["name"] == "corner"
    assert "global time cut at the 0.9 quantile" in table["protocol"]
    assert list(table["seconds"]) == ["read", "index", "train", "evaluate", "bundle"]
    assert {"cores", "processor", "python"} <= set(table["machine"])


def test_a_row_for_each_system_in_order(world: World) -> None:
    assert [row["system"] for row in world.table["rows"]] == SYSTEMS
    for row in world.table["rows"]:
        assert all(0 <= row[measure] <= 1 for measure in (*MEASURES, RETRIEVED))
        low, high = row["ci95"]
        assert low <= row["nDCG@10"] <= high
        assert row["queries"] == SMALL["training"]["max_test_rankings"]  # type: ignore[index]


def test_every_row_but_the_best_single_is_tested_against_it(world: World) -> None:
    found = rows(world.table)
    singles = {name: found[name]["nDCG@10"] for name in SYSTEMS[1:5]}
    best = max(singles, key=lambda name: singles[name])
    assert [name for name, row in found.items() if row.get("best_single")] == [best]
    assert found[best]["p_vs_best_single"] == 1
    others = {name: row["p_vs_best_single"] for name, row in found.items() if name != best}
    assert all(0 < p <= 1 for p in others.values()), others


def test_the_cascade_is_compared_with_the_weighted_mean(world: World) -> None:
    found = rows(world.table)
    assert [name for name, row in found.items() if "minus_weighted" in row] == ["cascade"]
    test = found["cascade"]["minus_weighted"]
    difference = found["cascade"]["nDCG@10"] - found["weighted"]["nDCG@10"]
    assert test["mean"] == pytest.approx(difference, abs=2e-6)
    assert test["ci95"][0] <= test["mean"] <= test["ci95"][1]
    assert 0 < test["p"] <= 1


def test_reranking_finds_nothing_that_was_not_retrieved(world: World) -> None:
    """All systems order the same candidates, so that the recall of all of them is one figure."""
    found = rows(world.table)
    assert len({row[RETRIEVED] for row in found.values()}) == 1


def test_the_learnt_fusions_beat_the_engine_and_every_scorer(world: World) -> None:
    found = rows(world.table)
    best = max(found[name]["nDCG@10"] for name in SYSTEMS[:5])
    for name in ("weighted", "lambdamart", "cascade"):
        assert found[name]["nDCG@10"] > best + 0.03, name


def test_demo_prints_the_table_and_where_the_time_went(world: World) -> None:
    lines = world.result.output.splitlines()
    assert lines[0] == f"corner: 300 products, {len(world.made.events):,} events"
    assert lines[1] == world.table["protocol"]
    assert lines[2].split() == [
        "system", *MEASURES, RETRIEVED, "ci95", "queries", "p_vs_best_single"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[4:13]] == SYSTEMS
    assert any(line.endswith(" s in all") for line in lines[13:])


def test_demo_leaves_a_shop_ready_to_serve(world: World) -> None:
    workspace = Workspace(world.config)
    assert live_bundle(workspace.bundles) is not None
    with world.engine() as engine:
        (version,) = engine.versions()
        assert (version.live, version.count) == (True, 300)
    written = load_config(world.config.home / "config.toml")
    assert (written.home, written.engine) == (world.config.home, world.config.engine)
    assert written.training == world.config.training
    state = open_state(world.config)
    (busiest, count) = state.shoppers(1)[0]
    state.close()
    assert busiest.startswith("u") and count > 20


@pytest.mark.slow
def test_train_then_evaluate_gives_the_table_of_the_demo(world: World, tmp_path: Path) -> None:
    """The demo's table is no special case; and training needs no index, nor has it to be there."""
    settings = {**SMALL, "home": str(tmp_path / "home")}
    data = str(world.data)
    trained = run(settings, tmp_path, "train", "--data", data)
    assert trained.exit_code == 0, trained.output
    bundles = tmp_path / "home" / "bundles"
    assert f"bundle {world.bundle().version} written to {bundles}, live\n" in trained.output
    assert trained.output.startswith("\n".join(world.bundle().selection.lines()))
    bias = world.bundle().propensities
    assert bias is not None and f"\n{bias.line()}\n" in trained.output
    table = tmp_path / "table.json"
    evaluated = run(settings, tmp_path, "evaluate", "--data", data, "--json", str(table))
    assert evaluated.exit_code == 0, evaluated.output
    written = orjson.loads(table.read_bytes())
    assert written["rows"] == world.table["rows"]
    assert list(written["seconds"]) == ["evaluate"]
    assert evaluated.output.startswith(written["protocol"])


@pytest.mark.slow
def test_the_service_knows_the_log_it_was_trained_on_once(world: World, tmp_path: Path) -> None:
    few = {**SMALL, "training": {"trees": 2, "max_rankings": 20}, "home": str(tmp_path / "home")}
    first = run(few, tmp_path, "train", "--data", str(world.data))
    state = open_state(parse_config(few))
    n = len(state)
    assert state.shoppers(1)[0][1] > 20
    assert f"the service knows the log: {n:,} interactions, {n:,} new" in first.output
    again = run(few, tmp_path, "train", "--data", str(world.data))
    assert f"the service knows the log: {n:,} interactions, 0 new" in again.output
    assert len(state) == n
    state.close()


@pytest.mark.slow
def test_train_without_promoting(world: World, tmp_path: Path) -> None:
    few = {**SMALL, "training": {"trees": 2, "max_rankings": 20}, "home": str(tmp_path / "home")}
    result = run(few, tmp_path, "train", "--data", str(world.data), "--no-promote")
    assert result.exit_code == 0, result.output
    assert not result.output.rstrip().endswith("live")
    workspace = Workspace(parse_config(few))
    assert live_bundle(workspace.bundles) is None
    assert not state_path(workspace.config).exists()
    (version,) = (path.name for path in workspace.bundles.iterdir())
    evaluate = ("evaluate", "--data", str(world.data))
    refused = run(few, tmp_path, *evaluate)
    assert refused.exit_code == 1
    assert f"no live bundle under {workspace.bundles}: run search-rerank train" in refused.output
    missing = run(few, tmp_path, *evaluate, "--bundle", "of-yesterday")
    assert missing.exit_code == 1
    assert "expected a bundle of-yesterday under" in missing.output
    named = run(few, tmp_path, *evaluate, "--bundle", version)
    assert named.exit_code == 0, named.output


def nothing(folder: Path) -> None:
    """Leave the folder away."""


def empty(folder: Path) -> None:
    folder.mkdir()


def other_layout(folder: Path) -> None:
    folder.mkdir()
    (folder / "products.xls").write_text("?", encoding="utf-8")


def no_events(folder: Path) -> None:
    folder.mkdir()
    (folder / "catalogue.jsonl").write_text('{"id": "a", "title": "Boot"}\n', encoding="utf-8")
    (folder / "events.jsonl").write_text("", encoding="utf-8")


def other_ids(folder: Path) -> None:
    folder.mkdir()
    items = "".join(f'{{"id": "a{n}", "title": "Boot number {n}"}}\n' for n in range(30))
    (folder / "catalogue.jsonl").write_text(items, encoding="utf-8")
    row = '{{"event": "interaction", "id": "{0}", "timestamp": {0}, "user": "u", "type": "click", '
    row += '"item": "b{0}"}}\n'
    log = "".join(row.format(n) for n in range(1, 30))
    (folder / "events.jsonl").write_text(log, encoding="utf-8")


def looks(folder: Path) -> None:
    other_ids(folder)
    events = folder / "events.jsonl"
    log = events.read_text(encoding="utf-8").replace('"b', '"a').replace("click", "look")
    events.write_text(log, encoding="utf-8")


def a_file(folder: Path) -> None:
    folder.write_text("rows", encoding="utf-8")


@pytest.mark.parametrize("command", ["train", "demo"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (nothing, "expected a folder with data, found nothing there"),
        (empty, "expected a folder in a known layout .* found no files"),
        (other_layout, "expected a folder in a known layout .* found products.xls"),
        (no_events, "events.jsonl: expected rows, found an empty file"),
        (other_ids, "expected at least 10 interactions with items of the catalogue, found 0"),
        (looks, "give a longer log, or types of interaction a gain in training.gains"),
    ],
)
def test_bad_data_is_an_error_in_words(tmp_path: Path, command: str, data: Any, said: str) -> None:
    folder = tmp_path / "data"
    data(folder)
    arguments = [command, "--data", str(folder)]
    if command == "demo":
        arguments += ["--no-serve", "--home", str(tmp_path / "demo")]
    result = run({**SMALL, "home": str(tmp_path / "home")}, tmp_path, *arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert re.search(f"Error: .*{said}", result.output, re.DOTALL), result.output


@pytest.mark.parametrize("command", ["train", "demo", "evaluate"])
def test_a_file_instead_of_a_folder(tmp_path: Path, command: str) -> None:
    a_file(tmp_path / "data")
    result = run({}, tmp_path, command, "--data", str(tmp_path / "data"))
    assert result.exit_code == 2
    assert "is a file" in result.output


def test_broken_rows_are_told_and_cost_no_neighbour(world: World, tmp_path: Path) -> None:
    data = tmp_path / "corner"
    shutil.copytree(world.data, data)
    broken = b'{"id": "x", "titel": "Boot"}\n{"id": "y", "title": "", "price": NaN}\n{"id":\n'
    catalogue = data / "catalogue.jsonl"
    catalogue.write_bytes(broken + catalogue.read_bytes() + b'{"id": "p00000", "title": "Again"}\n')
    refused = tmp_path / "refused.jsonl"
    few = {**SMALL, "training": {"trees": 2, "max_rankings": 20}, "home": str(tmp_path / "home")}
    result = run(few, tmp_path, "train", "--data", str(data), "--refused", str(refused))
    assert result.exit_code == 0, result.output
    lines = [orjson.loads(line) for line in refused.read_bytes().splitlines()]
    last = len(world.made.items) + 4
    assert [line["line"] for line in lines] == [1, 2, 3, last]
    assert "titel" in result.output and "title" in result.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trainnig": {}}, "unknown key 'trainnig' (did you mean 'training'?)"),
        ({"training": {"tree": 3}}, "unknown key 'training.tree' (did you mean 'trees'?)"),
        ({"training": {"trees": 0}}, "training.trees: Input should be greater than or equal to 1"),
        ({"scorers": [{"name": "asl"}]}, "unknown scorer 'asl' (did you mean 'als'?)"),
        (
            {"training": {"train_quantile": 0.9, "test_quantile": 0.8}},
            "expected training.train_quantile below training.test_quantile, found 0.9 and 0.8",
        ),
    ],
)
def test_wrong_settings_are_an_error_in_words(
    world: World, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    where = {"home": str(tmp_path / "home")}
    result = run(where | settings, tmp_path, "train", "--data", str(world.data))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Error: " in result.output and said in result.output, result.output


@pytest.mark.slow
def test_training_on_what_the_service_was_told_gives_the_same_bundle(
    world: World, tmp_path: Path
) -> None:
    few = {
        **SMALL,
        "training": {"trees": 2, "max_rankings": 20},
        "home": str(tmp_path / "home"),
        "state": {"log_segment_events": 100, "retention_days": 20},
    }
    first = run(few, tmp_path, "train", "--data", str(world.data))
    assert first.exit_code == 0, (first.output, first.exception)
    with closing(open_state(parse_config(few))) as state:
        n = len(state)
        while state.maintain(world.now_ms).more:
            pass
        assert len(state) < n  # the rest is in segments
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for file in world.data.glob("catalogue.*"):
        shutil.copy(file, folder)
    again = run(few, tmp_path, "train", "--data", str(folder), "--events", "state")
    assert again.exit_code == 0, (again.output, again.exception)
    assert f"the service knows the log: {n:,} interactions, 0 new" in again.output
    (version,) = (path.name for path in (tmp_path / "home" / "bundles").glob("*/"))
    assert f"bundle {version} written" in again.output
