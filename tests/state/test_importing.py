"""History into a state, by the library and by the command, and out of it again."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from search_rerank.cli import main
from search_rerank.config import parse_config
from search_rerank.data.event import Ranking, Told
from search_rerank.state.base import State
from search_rerank.state.importing import Imported, finish, import_events
from search_rerank.state.memory import MemoryState
from search_rerank.state.opening import open_state
from tests.state.contract import GAINS

NOW = 1_700_000_000_000


def click(id_: int | str, time_ms: int = NOW, **change: object) -> dict[str, object]:
    row = {"event": "interaction", "id": str(id_), "timestamp": time_ms, "user": "u", "item": "a"}
    return {**row, "type": "click", **change}


def shown(id_: int | str, *items: str) -> dict[str, object]:
    named = {"id": str(id_), "timestamp": NOW, "user": "u", "items": items}
    return {"event": "ranking", **named}


def write(path: Path, *rows: object) -> Path:
    lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(f'home = "{tmp_path / "home"}"\n')
    return path


def run(settings: Path, *arguments: object, stdin: bytes | None = None) -> Result:
    named = ["--config", str(settings), "events", *map(str, arguments)]
    return CliRunner().invoke(main, named, input=stdin)


def opened(settings: Path) -> State:
    return open_state(parse_config({"home": str(settings.parent / "home")}))


def test_events_are_stored_in_batches_and_counted() -> None:
    state, seen = MemoryState(GAINS), []
    told = [Told(str(n % 25), "u", None, "a", "click", NOW + n, None, None) for n in range(30)]
    pages = [Ranking(id="r", time_ms=NOW, items=("a", "b"), user="u")]
    done = import_events(state, [*told, *pages], NOW, seen.append, batch=8)
    finish(state, NOW)
    assert done == Imported(read=31, new=26)
    assert seen == [8, 16, 24, 31]
    assert len(state.history("u", None, 99)) == 25
    assert state.item_counts(["b"], NOW).shown[0, 0] == 1
    assert done + Imported(1, 0) == Imported(32, 26)


def test_cycles_are_looked_for_as_before_when_an_import_is_over_or_fails() -> None:
    state = MemoryState(GAINS)

    def rows(n: int) -> Iterator[Told]:
        for number in range(n):
            assert not gc.isenabled()
            yield Told(str(number), "u", None, "a", "click", NOW, None, None)
        assert n != 5, "the file is cut"

    import_events(state, rows(4), NOW, lambda read: None, batch=2)
    assert gc.isenabled()
    with pytest.raises(AssertionError, match="the file is cut"):
        import_events(state, rows(5), NOW, lambda read: None, batch=2)
    assert gc.isenabled()
    finish(state, NOW)
    assert gc.isenabled()


def test_the_same_files_again_are_known(settings: Path, tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", *(click(n) for n in range(5)), shown("p", "a", "b"))
    two = write(tmp_path / "two.jsonl.gz", *(click(n) for n in range(3, 9)))
    first = run(settings, "import", one)
    assert (first.exit_code, first.stdout) == (0, "6 new of 6 events\n")
    again = run(settings, "import", one, two)
    assert (again.exit_code, again.stdout) == (0, "4 new of 12 events\n")
    state = opened(settings)
    assert len(state.history("u", None, 99)) == 9
    state.close()


def test_a_table_and_standard_input(settings: Path, tmp_path: Path) -> None:
    table = tmp_path / "log.csv"
    table.write_text(
        "event,id,timestamp,user,session,item,type\n"
        "interaction,1,2023-11-14T22:13:20Z,u,,a,click\n"
        "interaction,2,1700000000000,,s,b,cart\n"
    )
    assert run(settings, "import", table).stdout == "2 new of 2 events\n"
    given = orjson.dumps(click(2)) + b"\n" + orjson.dumps(click(3)) + b"\n"
    assert run(settings, "import", "-", stdin=given).stdout == "1 new of 2 events\n"


def test_refused_rows_are_told_and_kept_aside(settings: Path, tmp_path: Path) -> None:
    rows = [click(1), click(2, user=None), "nonsense", click(3, timestamp=NOW // 1000), click(4)]
    log, wrong = write(tmp_path / "log.jsonl", *rows), tmp_path / "wrong.jsonl"
    done = run(settings, "import", log, "--refused", wrong)
    assert (done.exit_code, done.stdout) == (0, "2 new of 2 events\n")
    assert "3 refused" in done.stderr
    assert "log.jsonl:2: row: expected a user, a session or both" in done.stderr
    kept = [orjson.loads(line) for line in wrong.read_bytes().splitlines()]
    assert [(one["line"], one["row"]) for one in kept] == [(n + 1, rows[n]) for n in (1, 2, 3)]


def test_a_file_that_ends_early_is_told(settings: Path, tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl.gz", *(click(n) for n in range(5_000)))
    log.write_bytes(log.read_bytes()[:-500])
    done = run(settings, "import", log)
    assert done.exit_code == 1
    assert "log.jsonl.gz ends early" in done.stderr
    assert 0 < int(done.stdout.split()[0].replace(",", "")) < 5_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "cannot be read"),
        ("empty.jsonl", b"", "found an empty file"),
        ("log.xlsx", b"x", "expected a name ending in"),
        ("log.json", b"[{}]", "expected JSON lines"),
    ],
)
def test_another_file_is_refused(
    settings: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run(settings, "import", tmp_path / name)
    assert done.exit_code == 1
    assert message in done.stderr


def test_the_refused_rows_must_not_replace_the_file_read(settings: Path, tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", click(1))
    done = run(settings, "import", log, "--refused", log)
    assert done.exit_code == 2
    assert "expected another file" in done.stderr


@pytest.mark.parametrize("name", ["-", "out.jsonl", "out.jsonl.gz", "out.jsonl.zst"])
def test_what_is_exported_can_be_imported(settings: Path, tmp_path: Path, name: str) -> None:
    rows = [
        click(2, NOW + 2, session="s", query="red shoe", ranking="p"),
        shown("p", "a", "b"),
        click(1, NOW + 1, user=None, session="s"),
    ]
    assert run(settings, "import", write(tmp_path / "log.jsonl", *rows)).exit_code == 0
    target = tmp_path / name if name != "-" else tmp_path / "stdout.jsonl"
    done = run(settings, "export", "-" if name == "-" else target)
    assert done.exit_code == 0, done.output
    if name == "-":
        target.write_bytes(done.stdout_bytes)
        found = [orjson.loads(line) for line in done.stdout_bytes.splitlines()]
        expected = [rows[1], rows[2], rows[0]]
        assert found == [
            {key: one for key, one in row.items() if one is not None}
            for row in orjson.loads(orjson.dumps(expected))
        ]
    assert run(settings, "import", target).stdout == "0 new of 3 events\n"
    assert not list(tmp_path.glob("*.part"))
