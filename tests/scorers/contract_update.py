"""What every scorer must do with what came after its fit; the contract of scorers inherits it."""

import io
from dataclasses import replace
from functools import cache

import numpy as np
import orjson
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.item import parse_item
from search_rerank.scorers import create, restore
from search_rerank.scorers.base import Scorer
from search_rerank.scorers.news import How, News
from tests.scorers.worlds import DAY_MS, N_ITEMS, NOW_MS, catalogue, checkerboard, click

ALL = np.arange(N_ITEMS + 1, dtype=np.int32)
BORN = N_ITEMS
"""The item that the catalogue did not hold at the fit; an even one."""
SINCE_MS = NOW_MS
LATER_MS = NOW_MS + 2 * DAY_MS


def grown_catalogue() -> Catalogue:
    old = catalogue()
    born = parse_item({"id": f"i{BORN}", "title": f"thing {BORN}", "brand": "even"})
    return old.extended([born], old.vectors[:1])


def later() -> Events:
    """The checkerboard, and two days more: old shoppers, a new one, a late event, a new item."""
    rows = list(checkerboard().log)
    rows += [
        click(f"shopper-{user}", item, NOW_MS + DAY_MS + user + item)
        for user in range(0, 12, 3)
        for item in range(user % 2, 18, 4)
    ]
    rows += [click("newcomer", item, NOW_MS + DAY_MS + item) for item in (1, 3, 5)]
    rows += [click("shopper-3", 5, NOW_MS - DAY_MS // 2, "purchase")]  # told late
    rows += [
        click(f"shopper-{user}", BORN, NOW_MS + DAY_MS + 100 + user, "purchase")
        for user in (0, 2, 4)
    ]
    return Events.from_events(rows, grown_catalogue().ids)


def news(whole: Events, seen: Events) -> News:
    new = ~np.isin(whole.event_ids, seen.event_ids)
    return News.of(whole, new, grown_catalogue(), since_ms=SINCE_MS, now_ms=LATER_MS)


@cache
def fitted_before(name: str, options: bytes) -> Scorer:
    """Fit once what many tests only update, for some take seconds."""
    fresh = create(name, orjson.loads(options))
    return fresh.fit(checkerboard(), catalogue(), now_ms=SINCE_MS)


class UpdateContract:
    name: str
    options: dict[str, object]
    update_options: dict[str, object] = {}
    """Options of these tests beside the scorer's own."""
    how: How = "refitted"
    """What an update does under these options."""
    near: float = 0.0
    """How far from those of a refit the scores may be, as a share of their range."""

    def before(self) -> Scorer:
        options = orjson.dumps({**self.options, **self.update_options}, option=orjson.OPT_SORT_KEYS)
        return fitted_before(self.name, options)

    def after(self) -> Scorer:
        return self.before().update(news(later(), checkerboard()))[0]

    def test_an_update_says_how(self) -> None:
        assert self.before().update(news(later(), checkerboard()))[1] == self.how

    @pytest.mark.parametrize("history", [[0, 2], [1, 5], [BORN], [4, BORN], [3]])
    def test_an_update_is_near_a_refit(self, history: list[int]) -> None:
        if self.how == "kept":
            pytest.skip("kept until the next training")
        fresh = create(self.name, {**self.options, **self.update_options})
        refit = fresh.fit(later(), grown_catalogue(), now_ms=LATER_MS)
        past = History.of(history, now_ms=LATER_MS)
        expected, found = refit.score(past, ALL), self.after().score(past, ALL)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        known = expected[~np.isnan(expected)]
        room = self.near * float(np.ptp(known)) if len(known) else 0.0
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=room + 1e-6)

    def test_several_steps_are_near_a_refit(self) -> None:
        if self.how == "kept":
            pytest.skip("kept until the next training")
        whole, scorer, seen, since = later(), self.before(), checkerboard(), SINCE_MS
        for until in (NOW_MS + DAY_MS + 5, NOW_MS + DAY_MS + 40, LATER_MS):
            told = whole.before(until)
            step = replace(news(told, seen), since_ms=since, now_ms=until)
            scorer, seen, since = scorer.update(step)[0], told, until
        fresh = create(self.name, {**self.options, **self.update_options})
        refit = fresh.fit(whole, grown_catalogue(), now_ms=LATER_MS)
        past = History.of([0, 2], now_ms=LATER_MS)
        expected = refit.score(past, ALL)
        room = self.near * float(np.ptp(expected[~np.isnan(expected)]))
        np.testing.assert_allclose(scorer.score(past, ALL), expected, rtol=1e-5, atol=room + 1e-6)

    def test_an_update_without_news_keeps_the_order(self) -> None:
        whole = checkerboard()
        nothing_new = News.of(
            whole, np.zeros(len(whole), bool), catalogue(), since_ms=SINCE_MS, now_ms=LATER_MS
        )
        scorer = self.before()
        history = History.of([0, 2], now_ms=LATER_MS)
        first = scorer.score(history, ALL[:N_ITEMS])
        again = scorer.update(nothing_new)[0].score(history, ALL[:N_ITEMS])
        np.testing.assert_array_equal(np.isnan(again), np.isnan(first))
        above = first[:, None] - first[None, :]
        room = max(self.near, 1e-5) * float(np.ptp(first[~np.isnan(first)]))
        far = above > room + 1e-6  # pairs that rounding, or the tolerance, cannot turn round
        assert (again[:, None] - again[None, :])[far].min(initial=1.0) > 0

    def test_an_update_leaves_the_scorer_as_it_was(self) -> None:
        scorer = self.before()
        arrays = {name: array.tobytes() for name, array in scorer.arrays().items()}
        scorer.update(news(later(), checkerboard()))
        assert {name: array.tobytes() for name, array in scorer.arrays().items()} == arrays

    def test_the_same_news_give_the_same_bytes(self) -> None:
        first, second = self.after().arrays(), self.after().arrays()
        assert {k: v.tobytes() for k, v in first.items()} == {
            k: v.tobytes() for k, v in second.items()
        }

    def test_an_updated_scorer_goes_through_npz(self) -> None:
        scorer, file = self.after(), io.BytesIO()
        np.savez(file, **scorer.arrays())
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            again = restore(self.name, scorer.options(), dict(arrays))
        history = History.of([0, BORN], now_ms=LATER_MS)
        np.testing.assert_array_equal(again.score(history, ALL), scorer.score(history, ALL))
        assert scorer.options() == self.before().options()

    def test_an_update_holds_no_shopper(self) -> None:
        n_shoppers = len(later().users)
        for array in self.after().arrays().values():
            assert array.dtype.kind in "fib" and n_shoppers not in array.shape

    def test_new_items_are_unknown_to_what_is_kept(self) -> None:
        if self.how != "kept":
            pytest.skip("not kept")
        history = History.of([0, BORN, 2], now_ms=LATER_MS)
        kept = self.after().score(history, ALL)
        assert np.isnan(kept[BORN])
        np.testing.assert_array_equal(
            kept[:BORN], self.before().score(History.of([0, 2], now_ms=LATER_MS), ALL[:BORN])
        )
