"""What the commands that change items say of rows that were not taken."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from index_tools.changes import Changes
from index_tools.load import load
from index_tools.untaken import Untaken
from search_rerank.cli import main
from search_rerank.config import Config
from search_rerank.data.item import parse_item
from search_rerank.engines.base import CONFLICT, STALE, UNCHANGED, WRITTEN, Engine, Outcome

Write = Callable[..., Path]
Run = Callable[..., Result]
pytestmark = pytest.mark.slow
NEW, OLD = "2024-05-02T00:00:00Z", "2024-05-01T00:00:00Z"


@pytest.fixture
def run(config: Config, engine: Engine, catalogue: Write, tmp_path: Path) -> Run:
    rows = [{"id": f"P{n}", "title": f"tea kettle {n}", "updated_at": NEW} for n in range(20)]
    load(config, catalogue(rows), engine, promote=True)
    settings = tmp_path / "settings.toml"
    settings.write_text(f"home = {json.dumps(str(config.home))}\n[encoder]\ndim = 8\n")

    def invoke(*arguments: str | Path) -> Result:
        words = ["--config", str(settings), "index", *map(str, arguments)]
        return CliRunner().invoke(main, words)

    return invoke


def older(n: int) -> Mapping[str, Any]:
    return {"id": f"P{n}", "title": f"copper pot {n}", "updated_at": OLD}


def test_the_first_ids_of_each_outcome_are_named(
    run: Run, catalogue: Write, tmp_path: Path
) -> None:
    wrong = {"id": "N", "titel": "pot"}
    good = {"id": "N1", "title": "copper pot"}
    aside = tmp_path / "aside.jsonl"
    file = catalogue([*[wrong] * 7, *map(older, range(7)), good], "rows.jsonl")
    result = run("upsert", file, "--refused", aside)
    assert result.exit_code == 0, result.output
    assert result.stdout == "1 written, 0 unchanged, 7 stale, 0 conflict, 7 refused\n"
    said = result.stderr.splitlines()
    assert "7 refused: 7 title is missing; unknown field 'titel' (did you mean 'title'?)" in said
    assert "7 stale: 7 a newer state of the item is stored: send a later updated_at" in said
    stale = [line for line in said if line.startswith("  rows.jsonl:") and "newer" in line]
    assert [line.split(": ")[:2] for line in stale] == [
        [f"  rows.jsonl:{8 + n}", f"id 'P{n}'"] for n in range(5)
    ]
    assert sum("id 'N': title is missing" in line for line in said) == 5
    kept = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [row["line"] for row in kept] == list(range(1, 15))
    assert kept[-1]["row"] == older(6)


@pytest.mark.parametrize(
    ("command", "row", "named"),
    [
        ("upsert", older(1), "rows.jsonl:1: id 'P1': a newer state"),
        ("upsert", {"id": "x"}, "rows.jsonl:1: id 'x': title is missing"),
        ("upsert", [1], "rows.jsonl:1: expected an object"),
        ("patch", {"id": "P1", "price": 2, "updated_at": OLD}, "id 'P1': a newer state"),
        ("patch", {"id": "gone", "price": 2}, "id 'gone': id: expected an item"),
        ("patch", [1], "rows.jsonl:1: expected an object with an id"),
        ("patch", {"price": 2}, "rows.jsonl:1: id is missing"),
    ],
)
def test_where_no_row_is_taken_the_command_fails(
    run: Run, catalogue: Write, command: str, row: object, named: str
) -> None:
    result = run(command, catalogue([row], "rows.jsonl"))
    assert result.exit_code == 1
    assert named in result.stderr
    assert "expected rows that can be taken, found none in 1" in result.stderr


def test_rows_that_change_nothing_are_taken(run: Run, catalogue: Write) -> None:
    again = {"id": "P1", "title": "tea kettle 1", "updated_at": NEW}
    assert run("upsert", catalogue([again], "rows.jsonl")).exit_code == 0
    assert run("delete", "never-there").exit_code == 0


def test_a_delete_names_what_is_newer(
    run: Run, config: Config, engine: Engine, catalogue: Write
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    late = parse_item({"id": "L", "title": "late pot", "updated_at": soon.isoformat()})
    Changes(config, engine).put([late])
    result = run("delete", "L")
    assert result.exit_code == 1
    assert "IDS:1: id 'L': a newer state" in result.stderr
    result = run("delete", "--file", catalogue(["P1", "", "L"], "ids.txt"))
    assert result.exit_code == 0
    assert "ids.txt:3: id 'L': a newer state" in result.stderr


def test_every_outcome_has_a_reason() -> None:
    untaken = Untaken()
    for outcome in (WRITTEN, UNCHANGED, STALE, CONFLICT, Outcome("refused", "too long")):
        untaken.add("f", 1, outcome, {}, "a" * 1000)
    assert len(untaken.aside) == 3
    assert [line.split(": ", 1)[0] for line in untaken.report()] == [
        "1 stale",
        "  f:1",
        "1 conflict",
        "  f:1",
        "1 refused",
        "  f:1",
    ]
    assert all(len(line) < 200 for line in untaken.report())
