"""Gowalla's benchmark on a world of a few lines: which part is read, and what is printed."""

import gzip
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from benchmarks.gowalla import PUBLISHED, SETTINGS, main, read_part
from search_rerank.scorers import create


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train = [f"u{user} " + " ".join(f"i{(user + n) % 9}" for n in range(6)) for user in range(9)]
    test = [f"u{user} i{(user + 6) % 9}" for user in range(8)] + ["u8", "u9 i0"]
    for name, rows in (("train", train), ("test", test)):
        with gzip.open(tmp_path / f"{name}.txt.gz", "wt") as stream:
            stream.write("\n".join(rows) + "\n")
    return tmp_path


def test_the_test_part_asks_those_with_a_history_and_an_answer(folder: Path) -> None:
    task = read_part(folder, "test")
    ids = task.catalogue.ids
    assert len(task.histories) == len(task.targets) == 8  # u8 has no answer, u9 no history
    assert task.targets[3].tolist() == ids.numbers(["i0"]).tolist()
    assert sorted(task.histories[0].tolist()) == sorted(ids.numbers(f"i{n}" for n in range(6)))
    assert len(task.events.item) == 9 * 6


def test_the_validation_part_never_opens_the_answers(folder: Path) -> None:
    (folder / "test.txt.gz").unlink()
    task = read_part(folder, "validation")
    assert [len(items) for items in task.histories] == [5] * 9
    assert [len(items) for items in task.targets] == [1] * 9
    assert len(task.events.item) == 9 * 5
    assert all(
        not set(had) & set(asked) for had, asked in zip(task.histories, task.targets, strict=True)
    )


@pytest.mark.slow  # each scorer in a new process
def test_published_rows_stand_beside_the_test_part_only(folder: Path, tmp_path: Path) -> None:
    for part in ("test", "validation"):
        file = tmp_path / f"{part}.json"
        call = ["--data", str(folder), "--part", part, "--scorers", "popularity"]
        done = CliRunner().invoke(main, [*call, "--json", str(file)], catch_exceptions=False)
        assert done.exit_code == 0
        rows = orjson.loads(file.read_bytes())["rows"]
        assert rows[0]["system"] == "popularity"
        assert 0 <= rows[0]["recall@20"] <= 1
        assert len(rows) == 1 + (len(PUBLISHED) if part == "test" else 0)


def test_an_unknown_scorer_is_refused_by_name(folder: Path) -> None:
    done = CliRunner().invoke(main, ["--data", str(folder), "--scorers", "als,alz"])
    assert done.exit_code == 2
    assert "found ['alz']" in done.output


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_options_of_the_scorer(name: str) -> None:
    chosen = create(name, SETTINGS[name]).options()
    assert chosen.get("decay", 1.0) == 1.0
    assert chosen.get("half_life_days", 0.0) in (0.0, 1e6)
