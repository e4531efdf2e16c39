from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.errors import BundleError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment, read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.query import Query
from search_rerank.state.memory import MemoryState
from tests.features.worlds import DAY, GAINS, candidates, catalogue, did


@dataclass
class Constant:
    name: ClassVar[str] = "constant"
    value: float = 1.0

    def score(self, history, items):
        return np.full(len(items), self.value, dtype=np.float32)


@dataclass
class Broken:
    name: ClassVar[str] = "broken"

    def score(self, history, items):
        raise RuntimeError("no arrays")


def moment(query: Query, *events, ids=("boot", "shoe", "lamp", "mug"), **more) -> Moment:
    state = MemoryState(GAINS)
    state.append(events)
    return read_moment(query, candidates(*ids), catalogue(), state, GAINS, 50, **more)


def build(*args, scorers=(), **more) -> FeatureTable:
    table, _ = FeatureBuilder(catalogue(), scorers).build(moment(*args, **more))
    return table


NOW = 100 * DAY
ANN = Query(text="shoe", user="ann", session="s2", now_ms=NOW)


def test_demand_fades_by_half_in_a_half_life() -> None:
    table = build(ANN, did(1, "boot", NOW - DAY, type="purchase"))
    assert table.column("item.demand_1d")[0] == pytest.approx(np.log1p(3 / 2))
    assert table.column("item.demand_7d")[0] == pytest.approx(np.log1p(3 * 2 ** (-1 / 7)))
    assert table.column("item.demand_1d")[2] == 0
    assert table.column("item.idle_days")[0] == pytest.approx(1)
    assert np.isnan(table.column("item.idle_days")[2])


def test_brand_share_is_the_share_of_the_weight() -> None:
    table = build(
        ANN,
        did(1, "boot", NOW - 3 * DAY, type="purchase"),  # North, 3
        did(2, "lamp", NOW - 2 * DAY),  # Glow, 1
        did(3, "mug", NOW - DAY),  # no brand
    )
    share = table.column("user.brand_share")
    np.testing.assert_allclose(share, [3 / 4, 3 / 4, 1 / 4, np.nan])
    np.testing.assert_allclose(
        table.column("user.category_top_share"), [3 / 5, 3 / 5, 2 / 5, 2 / 5]
    )


def test_an_item_is_told_by_its_share_of_its_category() -> None:
    table = build(
        ANN,
        did(1, "boot", NOW - 30 * DAY, type="purchase"),  # Boots, 3/2 of 30 days
        did(2, "shoe", NOW),  # Running, 1
        did(3, "lamp", NOW),  # Lamps, 1
        ids=("boot", "shoe", "lamp", "mug", "brand-new"),
    )
    share = table.column("item.demand_30d_of_category")
    np.testing.assert_allclose(share[:3], [1, 1, 1])
    assert share[3] == 0
    np.testing.assert_allclose(
        table.column("item.category_share"), [1.5 / 3.5, 1 / 3.5, 1 / 3.5, 0, np.nan], rtol=1e-5
    )
    trend = table.column("item.category_trend")
    np.testing.assert_allclose(trend[:2], [2 ** (-30 / 7) / 2 ** (-30 / 30), 1], rtol=1e-5)


def test_the_trend_is_that_of_the_whole_category() -> None:
    boots = Catalogue.from_items(
        [Item(id=id_, title=id_, category=["Shoes", "Boots"]) for id_ in ("boot", "clog")]
    )
    state = MemoryState(GAINS)
    state.append([did(1, "boot", NOW - 30 * DAY), did(2, "clog", NOW)])
    asked = read_moment(ANN, candidates("boot", "clog"), boots, state, GAINS, 50)
    table, _ = FeatureBuilder(boots, ()).build(asked)
    trend = (2 ** (-30 / 7) + 1) / (2 ** (-30 / 30) + 1)
    np.testing.assert_allclose(table.column("item.category_trend"), [trend] * 2, rtol=1e-5)
    share = table.column("item.demand_30d_of_category")
    np.testing.assert_allclose(share, [0.5 / 1.5, 1 / 1.5], rtol=1e-5)


def test_what_was_taken_after_the_words_under_four_half_lives() -> None:
    table = build(ANN, did(1, "boot", NOW - 30 * DAY, query="Shoe"), did(2, "lamp", NOW))
    for days in (1, 7, 30, 180):
        found = table.column(f"query.interactions_{days}d")
        np.testing.assert_allclose(found, [np.log1p(2 ** (-30 / days)), 0, 0, 0], rtol=1e-5)


def test_shares_of_what_was_taken_after_the_words() -> None:
    table = build(
        ANN,
        did(1, "boot", NOW, query="shoe", type="purchase"),
        did(2, "shoe", NOW, query="shoe"),
        did(3, "lamp", NOW, type="cart"),
    )
    np.testing.assert_allclose(table.column("query.category_share"), [3 / 4, 1 / 4, 0, 0])
    # Of 6 in all: boot 3, shoe 1, lamp 2; the words had 4 of them, ten more are as usual.
    expected = [(3 + 10 * 3 / 6) / 14, (1 + 10 * 1 / 6) / 14, (0 + 10 * 2 / 6) / 14, 0]
    np.testing.assert_allclose(table.column("query.item_share"), expected, rtol=1e-5)
    nobody = build(Query(text="other", now_ms=NOW), did(1, "boot", NOW, query="shoe"))
    assert np.isnan(nobody.column("query.category_share")).all()
    np.testing.assert_allclose(nobody.column("query.item_share"), [1, 0, 0, 0])


def test_session_sees_only_its_own_interactions() -> None:
    table = build(
        ANN,
        did(1, "boot", NOW - DAY, session="s1"),
        did(2, "lamp", NOW - 60_000, session="s2"),
    )
    assert table.column("user.interactions").tolist() == [2] * 4
    assert table.column("session.interactions").tolist() == [1] * 4
    assert table.column("session.brand_share")[:3].tolist() == [0, 0, 1]


def test_a_new_visitor_has_no_taste() -> None:
    table = build(Query(text="shoe", session="new", now_ms=NOW), did(1, "boot", NOW - DAY))
    taste = [n for n in table.names if n.split(".")[0] in ("user", "session")]
    taste = [n for n in taste if not n.endswith("interactions")]
    assert all(np.isnan(table.column(name)).all() for name in taste)


def test_without_personalisation_nothing_of_the_shopper_is_read() -> None:
    events = [did(1, "boot", NOW - DAY, type="purchase"), did(2, "boot", NOW - 5, session="s2")]
    known = build(ANN, *events, personalise=False)
    nobody = build(Query(text="shoe", now_ms=NOW), *events)
    np.testing.assert_array_equal(known.X, nobody.X)


def test_rows_follow_their_items() -> None:
    events = [did(1, "boot", NOW - DAY, type="purchase", query="shoe"), did(2, "lamp", NOW - 5)]
    state = MemoryState(GAINS)
    state.append(events)
    found = candidates("boot", "shoe", "lamp", "mug")
    turned = found.take(np.array([3, 1, 0, 2]))
    builder = FeatureBuilder(catalogue(), [Constant()])
    tables = [
        builder.build(read_moment(ANN, asked, catalogue(), state, GAINS, 50))[0]
        for asked in (found, turned)
    ]
    rows = [n for n, name in enumerate(tables[0].names) if name != "query.engine_rank"]
    np.testing.assert_array_equal(tables[0].X[[3, 1, 0, 2]][:, rows], tables[1].X[:, rows])


def test_an_item_the_bundle_does_not_know_keeps_its_row() -> None:
    table = build(ANN, did(1, "boot", NOW - DAY), ids=("boot", "brand-new"), scorers=[Constant()])
    assert len(table) == 2
    assert np.isnan(table.column("item.price")[1])
    assert np.isnan(table.column("user.brand_share")[1])


def test_no_candidates_give_an_empty_table() -> None:
    assert build(ANN, ids=()).X.shape[0] == 0


def test_a_scorer_that_errs_is_a_column_of_nan_and_named() -> None:
    builder = FeatureBuilder(catalogue(), [Broken(), Constant()])
    table, degraded = builder.build(moment(ANN))
    assert np.isnan(table.column("score.broken")).all()
    assert table.column("score.constant").tolist() == [1] * 4
    assert [(d.stage, d.reason) for d in degraded] == [("score.broken", "RuntimeError")]


def test_another_feature_set_is_refused_by_name() -> None:
    table = build(ANN, scorers=[Constant()])
    names = [name for name in table.names if name != "score.constant"]
    with pytest.raises(BundleError, match=r"not known to it \['score.constant'\]"):
        table.require(names)
    with pytest.raises(BundleError, match=r"missing here \['score.gone'\]"):
        table.require([*table.names, "score.gone"])
    with pytest.raises(BundleError, match="another order"):
        table.require(table.names[::-1])


def test_only_the_groups_that_are_chosen_are_computed() -> None:
    asked = moment(ANN, did(1, "boot", NOW - DAY))
    whole, _ = FeatureBuilder(catalogue(), [Constant()]).build(asked)
    some, _ = FeatureBuilder(catalogue(), [Constant()], groups=("user", "item")).build(asked)
    kept = [name for name in whole.names if name.split(".")[0] in ("item", "user", "score")]
    assert list(some.names) == kept  # in the order of all, whatever the order of choosing
    np.testing.assert_array_equal(some.X, whole.X[:, [whole.names.index(n) for n in kept]])
