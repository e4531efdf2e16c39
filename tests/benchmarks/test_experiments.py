"""The worlds of the benchmarks on experiments: searches whose clicks have known chances."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import counterfactual, interleaving
from benchmarks.generated_searches import PAGE, Pages, Visits, click, make_pages, visit
from search_rerank.data.shop.clicks import EXAMINATION


@pytest.fixture(scope="module")
def pages() -> Pages:
    return make_pages(seed=0, products=300, queries=30)


@pytest.fixture(scope="module")
def visits(pages: Pages) -> Visits:
    return visit(np.random.default_rng(0), pages, shoppers=200, sessions=1500)


def test_searches_are_for_items_of_their_page(pages: Pages, visits: Visits) -> None:
    assert len(visits) > 500
    assert len(pages.words) <= 30 and pages.items.shape == (len(pages.words), PAGE)
    assert (pages.there.sum(axis=1) >= 2).all()
    there = pages.there[visits.query]
    assert np.isfinite(visits.utility[there]).all()
    assert not visits.attraction[~there].any()
    assert (visits.attraction[there] > 0).all()
    assert len(np.unique(visits.session)) > len(np.unique(visits.shopper))


def test_clicks_come_as_often_as_their_chances_say(visits: Visits) -> None:
    rng = np.random.default_rng(1)
    place = np.tile(np.arange(PAGE), (len(visits), 1))
    chance = EXAMINATION * visits.attraction
    drawn = sum(click(rng, visits, place, EXAMINATION).sum() for _ in range(20))
    spread = np.sqrt(20 * (chance * (1 - chance)).sum())
    assert drawn == pytest.approx(20 * chance.sum(), abs=4 * spread)


def test_units_hold_all_that_was_clicked(pages: Pages, visits: Visits) -> None:
    rng = np.random.default_rng(0)
    pair = interleaving.Pair.draw(rng, pages, visits, (1.0, None, False))
    a, b, credit = pair.expected()
    sessions = len(np.unique(visits.session))
    for names in (visits.shopper, visits.session):
        units = pair.units(rng, names)
        assert units.rankings.sum() == len(visits)
        assert units.sessions.sum() == sessions
        assert units.a.sum() / sessions == pytest.approx(a, rel=0.1)
        assert units.b.sum() / sessions == pytest.approx(b, rel=0.1)
    assert a > b and credit > 0


def test_the_table_holds_each_estimate_of_each_ranker(pages: Pages) -> None:
    rows, shown = counterfactual.table(pages, "half shuffled", seeds=2, sessions=800, most=None)
    assert {row["system"] for row in rows} == {
        f"half shuffled, item_position, {ranker}, {estimator}"
        for ranker in ("popularity", "personal", "reversed")
        for estimator in ("IPS", "SNIPS", "DR")
    }
    truths = {row["system"].split(", ")[2]: row["truth"] for row in rows}
    assert truths["personal"] > truths["popularity"] > truths["reversed"]
    assert all(0 <= row["covered"] <= 2 for row in rows) and shown > 100
