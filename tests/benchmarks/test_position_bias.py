"""What the benchmark of position bias takes for true."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.position_bias import bernoulli, by_place, recover
from benchmarks.true_worth import meanings
from search_rerank.config import LabelsConfig
from search_rerank.data.event import GAINS, Ranking
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.data.item import Item
from search_rerank.data.shop import Shop, generate
from search_rerank.labels.impressions import read_impressions


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=4, products=300, shoppers=60, events=8_000)


def test_a_query_means_the_items_that_have_all_its_words() -> None:
    items = [
        Item(id="a", title="x", brand="Oak", category=["Shoes", "Boots"], attributes={}),
        Item(id="b", title="x", category=["Shoes"], attributes={"colour": "Red"}),
    ]
    assert meanings(items) == {
        "shoes": {0, 1},
        "boots": {0},
        "oak shoes": {0},
        "oak boots": {0},
        "red shoes": {1},
    }


def test_what_the_old_engine_showed_is_what_the_query_means(shop: Shop) -> None:
    meant = meanings(shop.items)
    number = {item.id: n for n, item in enumerate(shop.items)}
    rankings = [event for event in shop.events if isinstance(event, Ranking)]
    known = [one for one in rankings if one.query in meant]
    assert len(known) > 0.95 * len(rankings)  # the others are mistyped
    for one in known:
        assert {number[item] for item in one.items} <= meant[one.query or ""]


def test_every_place_is_compared_with_the_truth(shop: Shop) -> None:
    events = Events.from_events(shop.events, IdMap(item.id for item in shop.items))
    labels = LabelsConfig(evidence=1)
    impressions = read_impressions(events, GAINS, 10**14, labels.period_days, labels.places)
    truth = shop.truth.examination
    found, rows = recover(impressions, truth, seed=0)
    assert [row["system"] for row in rows] == ["em, seed 0", "harvesting, seed 0"]
    places = by_place(impressions, truth, found)
    worst = max(abs(float(str(row["em_error"]))) for row in places)
    assert len(places) == 24 and places[0]["em"] == 1.0
    assert rows[0]["worst_error"] == pytest.approx(worst)
    assert np.isfinite(worst)


def test_bernoulli_attractions_make_the_places_of_sparse_cells_alike(shop: Shop) -> None:
    events = Events.from_events(shop.events, IdMap(item.id for item in shop.items))
    sparse = read_impressions(events, GAINS, 10**14, 1.0, 24).counts
    looked = bernoulli(sparse)
    assert (looked[-1] / looked[0]) > 1.5 * shop.truth.examination[-1]
