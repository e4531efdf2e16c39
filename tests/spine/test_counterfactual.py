"""What fusions would have been worth on shown pages, beside what they truly are worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.data.shop.clicks import attraction
from search_rerank.errors import DataError
from search_rerank.evaluation.counterfactual import estimates, rank_pages, shown_pages
from search_rerank.labels.propensity import Propensities
from search_rerank.training import cuts
from tests.spine.world import SMALL, World, run

pytestmark = pytest.mark.slow

GAINS = {"click": 1.0, "purchase": 3.0}


def looked_at(values: list[float]) -> Propensities:
    return Propensities("em", values, values, values, [1] * len(values), 1, "as told")


def test_pages_count_whether_they_were_clicked_or_not() -> None:
    def page(id_: str, time_ms: int, *items: str, user: str | None = "u") -> Ranking:
        return Ranking(id=id_, time_ms=time_ms, user=user, query="shoe", items=items)

    def click(id_: str, ranking: str | None, item: str, kind: str = "click") -> Interaction:
        return Interaction(id=id_, time_ms=100, user="u", item=item, type=kind, ranking=ranking)

    later = f"{'0' * 32}.4"
    log: list[Event] = [
        page("early", 5, "x", "y"),
        page("clicked", 10, "x", "y"),
        page(later, 11, "y", "x"),
        page("one item", 12, "x"),
        page("nobody's", 13, "x", "y", user=None),
        page("late", 20, "x", "y"),
        click("a", "clicked", "y"),
        click("b", "clicked", "y", "purchase"),
        click("c", later, "x", "look"),
        click("d", None, "x"),
    ]
    found = shown_pages(Events.from_events(log, IdMap(["x", "y"])), 10, 20, GAINS)
    assert [(one.shown, one.asked, dict(one.gains)) for one in found] == [
        (("x", "y"), ("x", "y"), {"y": 1.0}),
        (("y", "x"), ("y", "x"), {}),
    ]
    assert [one.first for one in found] == [0, 4]
    assert (found[0].query.text, found[0].query.user, found[0].query.now_ms) == ("shoe", "u", 10)


def test_the_estimates_hold_the_true_gain(world: World) -> None:
    truth, bundle = world.made.truth, world.bundle()
    seen = truth.examination
    with world.ready() as shop:
        pages = rank_pages(shop, bundle.serving, most=400)
        cut = cuts(shop.events, shop.config.training)
        asked = shown_pages(shop.events, cut.test, cut.end, shop.config.training.gains)[:400]
    assert len(asked) == len(pages.logged) > 100
    known = {user: n for n, user in enumerate(truth.user_ids.tolist())}
    who = np.array([known.get(one.query.user or "", -1) for one in asked])[pages.logged.ranking]
    worth = attraction(truth.utilities[who, pages.item].astype(float))
    rows = {row["system"]: row for row in estimates(pages, looked_at(seen.tolist()))}
    assert set(rows) == {"shown", *bundle.serving}
    assert rows["shown"]["clicks"] == pytest.approx(pages.logged.click.sum() / len(asked))
    assert rows["shown"]["gained"] == 0.0
    for name, place in pages.places.items():
        if name == "shown":
            continue
        more = (seen[place] - seen[pages.logged.place]) * worth
        true = more[who >= 0].sum() / len(np.unique(pages.logged.ranking[who >= 0]))
        row = rows[name]
        error = (row["to"] - row["from"]) / 3.92
        # The slow trend, which the truth leaves out, and visitors without a name: a bit more.
        assert row["gained"] == pytest.approx(true, abs=4 * error)
        assert row["from"] < row["gained"] < row["to"]


def test_a_log_without_rankings_is_refused(world: World) -> None:
    with world.ready() as shop:
        bare = [event for event in world.made.events if isinstance(event, Interaction)]
        without = replace(shop, events=Events.from_events(bare, shop.catalogue.ids))
        with pytest.raises(DataError, match="expected rankings by known shoppers or sessions"):
            rank_pages(without, {}, most=10)


def test_the_command_prints_each_fusion(world: World, tmp_path: Path) -> None:
    settings = {**SMALL, "home": str(world.config.home), "engine": {"index": "demo-corner"}}
    out = tmp_path / "table.json"
    words = ("experiment", "estimate", "--data", str(world.data), "--rankings", "50")
    result = run(settings, tmp_path, *words, "--json", str(out))
    assert result.exit_code == 0, (result.output, result.exception)
    assert "50 shown pages after the test cut, ordered anew" in result.output
    rows = orjson.loads(out.read_bytes())["rows"]
    assert {row["system"] for row in rows} == {"shown", *world.bundle().serving}
    assert all(row["warnings"] for row in rows)  # 50 pages are few
