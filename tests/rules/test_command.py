"""`search-rerank rules`, and the rules of a home folder as processes follow them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from search_rerank.cli import main
from search_rerank.config import Config, write_config
from search_rerank.engines import open_engine
from search_rerank.errors import DataError
from search_rerank.query import Query
from search_rerank.rules.conflicts import errors_of
from search_rerank.rules.keeping import MAX_BYTES, read_rules
from search_rerank.rules.meeting import may_meet, meeting
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rulebook import Rulebook
from search_rerank.stages import Stages
from tests.recommend.corner import NOW_MS, fill

PIN = {"id": "front", "kind": "pin", "places": {"boot5": 1, "gone": 2}}
HIDE = {"id": "no-boots", "kind": "hide", "where": {"terms": {"id": "boot0"}}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of the corner shop, without a bundle."""
    home = tmp_path_factory.mktemp("home")
    config = Config(home=home)
    engine = open_engine(config)
    fill(engine)
    engine.close()
    write_config(config, home / "config.toml")
    return home


def run(home: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(home / "config.toml"), "rules", *args])


def write(path: Path, *rules: dict[str, Any]) -> str:
    path.write_bytes(orjson.dumps({"rules": rules}))
    return str(path)


def test_check(home: Path, tmp_path: Path) -> None:
    good = run(home, "check", write(tmp_path / "good.json", PIN, HIDE | {"enabled": False}))
    assert good.exit_code == 0 and good.output == "2 rules, 1 of them enabled, 0 conflicts\n"
    warned = run(home, "check", str(tmp_path / "good.json"), "--index")
    assert warned.exit_code == 0
    assert warned.output.startswith("warning: 'front': the index does not hold 'gone'")
    cap = {"id": "cap", "kind": "cap", "by": "attributes.maker", "most": 1}
    unknown = run(home, "check", write(tmp_path / "unknown.json", cap), "--index")
    assert unknown.exit_code == 0
    assert unknown.output.startswith("warning: 'cap': no item of the index has 'attributes.maker'")
    wrong = run(home, "check", write(tmp_path / "wrong.json", PIN, PIN))
    assert wrong.exit_code == 1 and "error: 'front': expected each id once" in wrong.output


def test_check_of_what_are_no_rules(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.json", PIN | {"place": 1})
    found = run(home, "check", path)
    assert found.exit_code == 1
    assert f"{path}: rule 'front': unknown key 'place' (did you mean 'places'?)" in found.output


def test_dry_run(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "rules.json", PIN, HIDE)
    found = run(home, "dry-run", path, "--query", "boot", "--size", "3")
    assert found.exit_code == 0, found.output
    lines = [line.split() for line in found.output.splitlines()]
    assert lines[2][0] == "1" and lines[2][2:] == ["boot5", "front"]
    assert ["-", "boot0", "no-boots"] not in lines
    assert "9 items match without the rules, 8 with them" in found.output
    assert not (home / "rules.json").exists()
    stored = run(home, "dry-run", "--query", "boot")
    assert "9 items match without the rules, 9 with them" in stored.output


def test_a_file_that_is_none(tmp_path: Path) -> None:
    assert read_rules(tmp_path / "none.json").rules == ()
    path = tmp_path / "rules.json"
    for data, message in (
        (b"{", "not valid JSON"),
        (b"[1]", "rules.0: Input should be an object"),
        (b"null", "expected an object"),
        (b" " * (MAX_BYTES + 1), f"at most {MAX_BYTES} bytes"),
    ):
        path.write_bytes(data)
        with pytest.raises(DataError, match=message):
            read_rules(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_rules(tmp_path)


def test_rules_of_a_thousand_levels_are_none() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]
    for rules in (deep, [PIN | {"places": deep}], [HIDE | {"where": {"all_of": deep}}]):
        with pytest.raises(DataError, match="rules of a few levels"):
            parse_rules(rules)


def held(book: Rulebook) -> tuple[list[str], list[str]]:
    stages = Stages()
    book.ruling("search", Query(now_ms=NOW_MS), stages)
    return [rule.id for rule in book.rules.rules], [one.stage for one in stages.degraded]


def test_the_file_is_followed_and_the_last_good_rules_are_kept(home: Path, tmp_path: Path) -> None:
    path, engine = tmp_path / "rules.json", open_engine(Config(home=home))
    book = Rulebook(path, engine)
    assert held(book) == ([], [])
    for data, expected in (
        ([PIN], (["front"], [])),
        (b"{", (["front"], ["rules"])),
        ([PIN, PIN], (["front"], ["rules"])),
        ([HIDE], (["no-boots"], [])),
        ([HIDE | {"where": {"terms": {"attributes.x": "y"}}}], (["no-boots"], ["rules.no-boots"])),
        ([], ([], [])),
    ):
        path.write_bytes(data if isinstance(data, bytes) else orjson.dumps(data))
        book.follow()
        assert held(book) == expected
    write(path, PIN)
    book.follow()
    path.unlink()
    book.follow()
    assert held(book) == ([], [])
    engine.close()


def test_a_file_that_did_not_change_is_not_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, engine = tmp_path / "rules.json", open_engine(Config(home=home))
    write(path, PIN)
    book = Rulebook(path, engine)
    monkeypatch.setattr(
        "search_rerank.rules.rulebook.read_rules", lambda _: pytest.fail("it was read again")
    )
    book.follow()
    os.utime(path, ns=(1, 1))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        book.follow()
    engine.close()


def test_rules_that_meet_are_found_without_comparing_all() -> None:
    whens: list[dict[str, Any]] = [
        {},
        {"query": {"exact": ["a", "b"]}},
        {"query": {"exact": ["B ", "a"]}},
        {"query": {"exact": ["c"]}},
        {"query": {"contains": ["c"]}},
        {"query": {"exact": ["d"]}, "segments": ["known"]},
        {"query": {"exact": ["d"]}, "segments": ["new_visitor"]},
        {"on": ["rerank"]},
    ]
    rules = parse_rules(
        [
            {"id": f"r{n}", "kind": "cap", "by": "brand", "most": 1, "when": when}
            for n, when in enumerate(whens)
        ]
    ).in_order
    found = [frozenset((one.id, other.id)) for one, other in meeting(rules)]
    assert len(set(found)) == len(found)
    assert set(found) == {
        frozenset((one.id, other.id))
        for n, one in enumerate(rules)
        for other in rules[:n]
        if may_meet(one.when, other.when)
    }
    assert frozenset(("r1", "r2")) in found and frozenset(("r3", "r4")) in found
    assert frozenset(("r5", "r6")) not in found and frozenset(("r1", "r3")) not in found
    assert not errors_of(parse_rules([]))
