import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search_rerank.cli import main
from tests.index_tools.conftest import ROWS

Write = Callable[..., Path]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = tmp_path / "settings.toml"
    settings.write_text(f"home = {json.dumps(str(tmp_path / 'home'))}\n[encoder]\ndim = 8\n")

    def invoke(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        words = ["--config", str(settings), "index", *map(str, arguments)]
        return CliRunner().invoke(main, words, input=stdin)

    return invoke


def test_the_way_of_a_catalogue(run: Run, catalogue: Write, tmp_path: Path) -> None:
    bad = [*ROWS, {"id": "x", "titel": "Cap"}]
    refused = tmp_path / "refused.jsonl"
    result = run("load", catalogue(bad), "--promote", "--refused", refused)
    assert result.exit_code == 0, result.output
    assert "60 written, 0 unchanged, 0 stale, 1 refused, 60 encoded" in result.stdout
    assert "catalogue.jsonl:61: title is missing; unknown field 'titel'" in result.stderr
    assert json.loads(refused.read_text())["line"] == 61

    result = run("load", catalogue())
    assert "0 written, 60 unchanged, 0 stale, 0 refused, 0 encoded" in result.stdout
    assert "not live: search-rerank index promote products-v0002" in result.stdout
    assert run("promote").stdout == "products-v0002 is live\n"
    assert run("rollback").stdout == "products-v0001 is live\n"

    found = json.loads(run("status", "--json").stdout)
    assert found["index"] == "products"
    assert [(v["version"], v["live"], v["count"]) for v in found["versions"]] == [
        ("products-v0002", False, 60),
        ("products-v0001", True, 60),
    ]
    assert "live, verified" in run("status").stdout
    # It is what a rollback goes back to.
    assert run("prune", "--keep", "0").stdout == "deleted: none\n"
    assert run("prune").stdout == "deleted: none\n"


def test_standard_input_and_a_log(run: Run, catalogue: Write) -> None:
    click = {"event": "interaction", "id": "e", "timestamp": "2024-05-01T12:00:00Z", "user": "u",
             "type": "click", "item": "P3"}  # fmt: skip
    log = catalogue([click, {"event": "oops"}], "log.jsonl")
    result = run("load", "-", "--events", log, stdin=catalogue().read_bytes())
    assert result.exit_code == 0, result.output
    assert "60 written" in result.stdout
    assert "log.jsonl:2" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["load", "missing.jsonl"], "missing.jsonl: cannot be read"),
        (["promote"], "no version to promote"),
        (["promote", "products-v0007"], "no version 'products-v0007'"),
        (["rollback"], "nothing to roll back to"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_standard_input_is_read_by_one(run: Run) -> None:
    result = run("load", "-", "--events", "-")
    assert result.exit_code == 2
    assert "expected one of FILE and --events on standard input, found both" in result.stderr


def test_status_of_an_empty_index(run: Run) -> None:
    result = run("status")
    assert (result.exit_code, "has no version" in result.stdout) == (0, True)
    assert json.loads(run("status", "--json").stdout) == {"index": "products", "versions": []}


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, index_tools.cli; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "sklearn", "scipy", "tantivy", "elasticsearch", "flask", "pydantic", "tqdm"}
    assert not heavy & set(done.stdout.split())


def test_items_are_changed_by_command(run: Run, catalogue: Write, tmp_path: Path) -> None:
    run("load", catalogue(), "--promote")
    new = catalogue([{"id": "N1", "title": "kettle"}, {"id": "N2"}], "new.jsonl")
    refused = tmp_path / "refused.jsonl"
    result = run("upsert", new, "--refused", refused)
    assert result.exit_code == 0, result.output
    assert result.stdout == "1 written, 0 unchanged, 0 stale, 0 conflict, 1 refused\n"
    assert json.loads(refused.read_text())["line"] == 2

    prices = catalogue([{"id": "N1", "price": 2}, {"id": "gone", "price": 2}, [1]], "prices.jsonl")
    result = run("patch", prices, "--refused", refused)
    assert result.stdout == "1 written, 0 unchanged, 0 stale, 0 conflict, 2 refused\n"
    assert "expected an item of the index to change, found 'gone'" in result.stderr
    ids = catalogue(["P1", "", " P2 "], "ids.txt")
    assert run("delete", "P0").stdout.startswith("1 written")
    assert run("delete", "--file", ids).stdout.startswith("2 written")
    assert json.loads(run("status", "--json").stdout)["versions"][0]["count"] == 60 + 1 - 3


def test_delete_wants_ids_or_a_file(run: Run) -> None:
    result = run("delete")
    assert result.exit_code == 2
    assert "expected either ids or --file" in result.stderr


def test_messages_do_not_name_the_temporary_file(run: Run, tmp_path: Path) -> None:
    refused = tmp_path / "refused.jsonl"
    rows = [json.dumps(row) for row in ROWS] + ['{"id": "x"}']
    result = run("load", "-", "--refused", refused, stdin="\n".join(rows).encode())
    assert result.exit_code == 0, result.output
    assert "standard input:61: title is missing" in result.stderr
    assert json.loads(refused.read_text())["file"] == "standard input"
    empty = run("load", "-", stdin=b'{"id": "x"}\n')
    assert "standard input: expected items, found none" in empty.stderr
    assert "search-rerank-" not in result.output + empty.output


def test_a_failed_verification_is_exit_code_1_and_force_overrides(
    run: Run, catalogue: Write
) -> None:
    run("load", catalogue(), "--promote")
    few = catalogue(ROWS[:5], "few.jsonl")
    failed = run("load", few, "--promote")
    assert failed.exit_code == 1
    assert "index promote --force products-v0002" in failed.stderr
    assert run("promote", "products-v0002").exit_code == 1
    assert run("promote", "--force", "products-v0002").stdout == "products-v0002 is live\n"
    # Few are as many as the live version has by now.
    assert run("load", few, "--promote", "--force").exit_code == 0


@pytest.mark.parametrize("command", [["load"], ["upsert"], ["patch"]])
def test_the_file_read_is_not_the_one_for_refused_rows(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "catalogue.jsonl"
    file.write_text('{"id": "1", "title": "good"}\n{"id": "2"}\n')
    for path, why in ((file, "another file than the one that is read"), (Path("/no/x"), "folder")):
        done = CliRunner().invoke(main, ["index", *command, str(file), "--refused", str(path)])
        assert done.exit_code == 2
        assert why in " ".join(done.output.split())
    assert file.read_text().count("\n") == 2
