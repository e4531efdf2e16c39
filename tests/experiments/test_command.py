"""A log with known clicks, through the command that analyses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from search_rerank.commands.experiment import experiment
from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.data.shop import event_json
from search_rerank.errors import DataError
from search_rerank.experiments.assignment import Experiment
from search_rerank.experiments.outcomes import CLICKED, RANKINGS, analyse, count
from search_rerank.experiments.teams import credits, read_teams

HALVES = Experiment("ranker", {"old": 0.5, "new": 0.5})
ASKED = ["--name", "ranker", "--variant", "old=0.5", "--variant", "new=0.5"]


def ranking(id_: str, who: str, time_ms: int = 1000) -> Ranking:
    return Ranking(id=id_, time_ms=time_ms, user=who, items=("x", "y", "z"))


def did(id_: str, who: str, ranking: str | None, item: str = "x", **fields: Any) -> Interaction:
    given = {"time_ms": 2000, "type": "click"} | fields
    return Interaction(id=id_, user=who, ranking=ranking, item=item, **given)


def shop_log(shoppers: int = 40) -> list[Event]:
    """Two rankings a shopper; who sees `new` clicks twice in one, who sees `old` once in both."""
    events: list[Event] = []
    for n in range(shoppers):
        who = f"u{n}"
        events += [ranking(f"r{n}", who), ranking(f"s{n}", who, 1500)]
        if HALVES.variant(who) == "new":
            events += [did(f"a{n}", who, f"r{n}"), did(f"b{n}", who, f"r{n}", "y")]
        else:
            events += [did(f"a{n}", who, f"r{n}"), did(f"b{n}", who, f"s{n}")]
        if n % 3 == 0:
            events.append(did(f"c{n}", who, f"r{n}", type="purchase"))
    return events


def written(folder: Path, events: list[Event]) -> Path:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(event_json(event) + b"\n" for event in events))
    return path


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(experiment, list(words), input=stdin, catch_exceptions=False)


def test_what_shoppers_did_is_counted_from_their_first_ranking() -> None:
    events = [
        did("before", "u1", None, time_ms=500),
        ranking("r1", "u1"),
        did("one", "u1", "r1"),
        did("two", "u1", "r1", "y"),
        did("bought", "u1", None, type="purchase", time_ms=9000),
        ranking("r2", "u2", 3000),
        did("nothing shown", "u3", None),
        Ranking(id="r3", time_ms=1000, session="s1", items=("x",)),
    ]
    found = count(events)
    assert found.shoppers == ["s1", "u1", "u2"]
    assert {name: values.tolist() for name, values in found.counts.items()} == {
        RANKINGS: [1, 1, 1],
        "click": [0, 2, 0],
        CLICKED: [0, 1, 0],
        "purchase": [0, 1, 0],
    }
    assert count(events, until_ms=3000).shoppers == ["s1", "u1"]
    assert count(events, since_ms=2000).shoppers == ["u2"]
    with pytest.raises(DataError, match="found none: an experiment is counted from what was shown"):
        count(events, since_ms=5000)


def test_variants_are_compared_by_the_hash() -> None:
    result = analyse(count(shop_log()), HALVES)
    assert sum(result.shoppers.values()) == 40
    (comparison,) = result.comparisons
    assert (comparison.control, comparison.treatment) == ("old", "new")
    clicks = comparison.effects["click per ranking"]
    assert (clicks.control, clicks.treatment, clicks.p) == (1.0, 1.0, 1.0)
    share = comparison.effects[f"{CLICKED} per ranking"]
    assert (share.control, share.treatment, share.difference.value) == (1.0, 0.5, -0.5)
    assert comparison.effects["rankings per shopper"].difference.value == 0.0


def test_the_command_prints_and_writes_the_comparison(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    log = str(written(tmp_path, shop_log()))
    result = run("analyse", *ASKED, "--log", log, "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "numbers as expected: p = " in result.output and "new - old" in result.output
    rows = {row["measure"]: row for row in json.loads(out.read_text())["rows"]}
    assert rows["click per ranking"]["difference"] == 0.0
    assert rows[f"{CLICKED} per ranking"]["ci95"] == [-0.5, -0.5]


def test_the_command_says_when_shoppers_are_missing(tmp_path: Path) -> None:
    kept = [e for e in shop_log(400) if HALVES.variant(e.user or "") == "old" or e.id[1:] < "2"]
    result = run("analyse", *ASKED, "--log", str(written(tmp_path, kept)))
    assert "no difference below is to be believed" in result.output


def test_assign_says_what_the_library_says() -> None:
    lines = run("assign", *ASKED, "u1", "u2").output.splitlines()
    assert lines == [f"{who}\t{HALVES.variant(who)}" for who in ("u1", "u2")]
    assert run("assign", *ASKED, stdin="u1\nu2\n").output.splitlines() == lines
    few = run("assign", "--name", "x", "--variant", "a=0.000001", "u1").output
    assert few == "u1\t-\n"


@pytest.mark.parametrize("wrong", ["old", "=0.5", "old=half", "old=nan"])
def test_wrong_variants_are_refused(wrong: str) -> None:
    result = run("assign", "--name", "x", "--variant", wrong, "u1")
    assert result.exit_code == 2
    assert "expected NAME=SHARE, each name once, such as control=0.5" in result.output


def test_one_variant_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    log = str(written(tmp_path, shop_log(4)))
    result = run("analyse", "--name", "x", "--variant", "all=1", "--log", log)
    assert result.exit_code == 2 and "expected two or more to compare" in result.output


@pytest.mark.parametrize("few", ["-5", "1"])
def test_an_estimate_needs_rankings(tmp_path: Path, few: str) -> None:
    result = run("estimate", "--data", str(tmp_path), "--rankings", few)
    assert result.exit_code == 2 and "x>=2" in result.output


def test_wrong_times_are_refused(tmp_path: Path) -> None:
    log = str(written(tmp_path, shop_log(4)))
    result = run("analyse", *ASKED, "--log", log, "--since", "yesterday")
    assert result.exit_code == 2 and "--since: expected ISO 8601" in result.output


# Interleaving.


def interleaved_log() -> list[Event]:
    return [
        ranking("r1", "u1"),
        ranking("r2", "u2"),
        ranking("r3", "u2"),
        ranking("other", "u3"),
        did("one", "u1", "r1", "x"),
        did("again", "u1", "r1", "x"),
        did("two", "u2", "r2", "y"),
        did("agreed", "u2", "r3", "x"),
        did("else", "u3", "other", "x"),
        did("bought", "u2", "r3", "z", type="purchase"),
    ]


TEAMS = (
    '{"ranking": "r1", "teams": ["a", "b", "a"]}\n'
    '{"ranking": "r2", "teams": ["b", "a", "b"]}\n'
    '{"ranking": "r3", "teams": [null, "b", "a"]}\n'
)


def test_clicks_are_credited_to_the_teams(tmp_path: Path) -> None:
    path = tmp_path / "teams.jsonl"
    path.write_text(TEAMS)
    credit, shoppers = credits(interleaved_log(), read_teams(path))
    assert (credit.tolist(), shoppers) == ([1.0, 1.0, 0.0], ["u1", "u2", "u2"])
    bought, _ = credits(interleaved_log(), read_teams(path), "purchase")
    assert bought.tolist() == [0.0, 0.0, 1.0]
    out = tmp_path / "out.json"
    log = str(written(tmp_path, interleaved_log()))
    result = run("interleaved", "--log", log, "--teams", str(path), "--json", str(out))
    assert result.exit_code == 0, result.output
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["wins_a"], row["wins_b"], row["ties"]) == (2, 0, 0)
    assert row["margin"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("teams", "message"),
    [
        ('{"ranking": "r1", "teams": ["a"]}', "ranking r1: expected 3 teams, one an item, found 1"),
        ('{"ranking": "unknown", "teams": ["a"]}', "expected rankings that have teams, found none"),
        ('{"ranking": "r1", "teams": ["c"]}', "teams.jsonl:1: .*found 'c'"),
        ("no json", "teams.jsonl:1: "),
    ],
)
def test_wrong_teams_are_refused(tmp_path: Path, teams: str, message: str) -> None:
    path = tmp_path / "teams.jsonl"
    path.write_text(teams + "\n")
    with pytest.raises(DataError, match=message):
        credits(interleaved_log(), read_teams(path))


def test_a_type_that_nobody_did_is_no_tie(tmp_path: Path) -> None:
    path = tmp_path / "teams.jsonl"
    path.write_text(TEAMS)
    with pytest.raises(DataError, match="expected interactions of type 'clik' .* found none"):
        credits(interleaved_log(), read_teams(path), "clik")
