"""Updates of neighbours: exact while a list has room, near where it was cut."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers import SCORERS, create
from search_rerank.scorers.fitted import Fitted
from search_rerank.scorers.neighbours import Neighbours
from search_rerank.scorers.news import News
from tests.scorers.worlds import DAY_MS, N_ITEMS, NOW_MS, catalogue, click, log

LATER_MS = NOW_MS + 3 * DAY_MS
SUMS = ("item_knn", "co_occurrence")
ALL = np.arange(N_ITEMS, dtype=np.int32)

row = st.tuples(
    st.integers(0, 4),  # shopper
    st.integers(0, 9),  # item
    st.integers(1, 10 * DAY_MS),  # age
    st.booleans(),  # whether it was told in time
)


def lists(scorer: Neighbours) -> dict[int, set[int]]:
    cuts = np.split(scorer.neighbour, scorer.starts[1:-1])
    return {item: set(of.tolist()) for item, of in enumerate(cuts)}


def updated(name: str, whole: Events, seen: np.ndarray, options: dict[str, object]) -> Neighbours:
    old = create(name, options).fit(whole.where(seen), catalogue(), now_ms=NOW_MS)
    news = News.of(whole, ~seen, catalogue(), since_ms=NOW_MS, now_ms=LATER_MS)
    fresh, how = old.update(news)
    assert how == "updated"
    assert isinstance(fresh, Neighbours)
    return fresh


def refitted(name: str, whole: Events, options: dict[str, object]) -> Neighbours:
    fresh = create(name, options).fit(whole, catalogue(), now_ms=LATER_MS)
    assert isinstance(fresh, Neighbours)
    return fresh


@pytest.mark.parametrize("name", SUMS)
@given(rows=st.lists(row, max_size=40), half_life=st.sampled_from([0.0, 2.0]))
@settings(max_examples=30, deadline=None)
def test_whatever_is_new_and_however_late_it_is_a_refit(
    name: str, rows: list[tuple[int, int, int, bool]], half_life: float
) -> None:
    clicks = [
        (click(f"s{user}", item, NOW_MS - age if told else LATER_MS - age), told)
        for user, item, age, told in rows
    ]
    clicks = list({one.id: (one, told) for one, told in clicks}.values())
    whole = log([one for one, _ in clicks])
    told = {one.id for one, was_told in clicks if was_told}
    seen = np.array([id_ in told for id_ in whole.event_ids], dtype=bool)
    options: dict[str, object] = {"half_life_days": half_life}
    now, again = updated(name, whole, seen, options), refitted(name, whole, options)
    for item in range(N_ITEMS):
        history = History.of([item], now_ms=LATER_MS)
        np.testing.assert_allclose(
            now.score(history, ALL), again.score(history, ALL), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("name", SUMS)
def test_a_list_that_was_cut_is_near_that_of_a_refit(name: str) -> None:
    rng = np.random.default_rng(4)
    worth = 1 / np.arange(1, N_ITEMS + 1)
    items = rng.choice(N_ITEMS, 2000, p=worth / worth.sum())
    rows = [
        click(f"s{rng.integers(60)}", item, int(LATER_MS - 2000 + place))
        for place, item in enumerate(items.tolist())
    ]
    whole = log(rows)
    seen = np.arange(len(whole)) < 0.9 * len(whole)
    options: dict[str, object] = {"neighbours": 6}
    now, best = updated(name, whole, seen, options), refitted(name, whole, options)
    uncut = refitted(name, whole, {})
    mine = ideal = 0.0
    for item in range(N_ITEMS):
        true = uncut.score(History.of([item], now_ms=LATER_MS), ALL)
        mine += true[list(lists(now)[item])].sum()
        ideal += true[list(lists(best)[item])].sum()
    assert 0.9 * ideal < mine < ideal
    assert max(np.diff(now.starts)) == 6


def test_what_nobody_touched_keeps_its_list() -> None:
    rows = [click("a", item, NOW_MS - 1) for item in (0, 2, 4)]
    rows += [click("b", item, NOW_MS + DAY_MS) for item in (1, 3)]
    whole = log(rows)
    scorer = updated("item_knn", whole, whole.time_ms < NOW_MS, {"half_life_days": 3.0})
    found = lists(scorer)
    assert (found[0], found[1]) == ({2, 4}, {3})
    # Both interactions of a pair fade to a half in three days.
    np.testing.assert_allclose(scorer.similarity[:2], 1 / 4, rtol=1e-5)


def documented() -> dict[str, str]:
    page = Path(__file__).parents[2] / "docs" / "freshness.md"
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page.read_text("utf-8"), re.M))


@pytest.mark.parametrize("name", SCORERS)
def test_the_page_says_how_each_scorer_is_updated(name: str) -> None:
    told = log([click("a", 0, NOW_MS - 2), click("a", 2, NOW_MS - 1), click("b", 2, NOW_MS)])
    seen = told.time_ms < NOW_MS
    news = News.of(told, ~seen, catalogue(), since_ms=NOW_MS, now_ms=LATER_MS)
    scorer = create(name)
    assert isinstance(scorer, Fitted)
    if not scorer.dear:  # a kept one looks at nothing
        scorer = scorer.fit(told.where(seen), catalogue(), now_ms=NOW_MS)
    assert documented()[name] == scorer.update(news)[1]
