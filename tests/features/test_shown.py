"""Features of what was shown: click rates, what a shopper left, and affinities to attributes."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.item import Item
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment, read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.query import Query
from search_rerank.state.base import HALF_LIVES_DAYS
from search_rerank.state.memory import MemoryState
from tests.features.worlds import DAY, GAINS, candidates, did

NOW = 100 * DAY
ANN = Query(user="ann", session="s", now_ms=NOW)
FILMS = [
    Item(id="heat", title="Heat", attributes={"genres": ["crime", "drama"], "minutes": 170}),
    Item(id="ran", title="Ran", attributes={"genres": ["drama"], "director": "kurosawa"}),
    Item(id="up", title="Up", attributes={"genres": ["family"], "minutes": 96, "3d": True}),
    Item(id="old", title="Old", attributes={"genres": "crime"}),
]
CATALOGUE = Catalogue.from_items(FILMS, properties=("genres", "director", "minutes", "3d"))
ALL = ("heat", "ran", "up", "old", "unheard-of")


def page(n: int, *items: str, time_ms: int = NOW - DAY, user: str | None = "ann") -> Ranking:
    return Ranking(id=f"r{n}", items=items, time_ms=time_ms, user=user, session="s")


def moment(*events: Interaction | Ranking, catalogue: Catalogue = CATALOGUE, **more) -> Moment:
    state = MemoryState(GAINS)
    state.append([one for one in events if isinstance(one, Interaction)])
    state.show([one for one in events if isinstance(one, Ranking)])
    history = more.pop("n", 50)
    return read_moment(ANN, candidates(*ALL), catalogue, state, GAINS, history, **more)


def build(*events: Interaction | Ranking, **more) -> FeatureTable:
    table, _ = FeatureBuilder(more.get("catalogue", CATALOGUE), ()).build(moment(*events, **more))
    return table


def test_a_rate_is_drawn_to_that_of_the_candidates() -> None:
    table = build(
        page(1, "heat", "ran"), page(2, "heat", "up", user="bob"), did(1, "heat", NOW - DAY)
    )
    for half_life in HALF_LIVES_DAYS:
        left, name = 2 ** (-1 / half_life), f"{int(half_life)}d"
        usual = 1 / 4  # a click and four impressions, fading alike
        rate = [(left + 10 * usual) / (2 * left + 10), *2 * [10 * usual / (left + 10)]]
        np.testing.assert_allclose(table.column(f"shown.rate_{name}")[:3], rate, rtol=1e-5)
        np.testing.assert_allclose(table.column(f"shown.rate_{name}")[3:], usual, rtol=1e-5)
        times = table.column(f"shown.times_{name}")
        np.testing.assert_allclose(times[:3], np.log1p([2 * left, left, left]), rtol=1e-5)
    assert table.column("shown.rate_place").tolist()[0] == 1


def test_where_nothing_was_shown_there_is_no_rate() -> None:
    table = build(did(1, "heat", NOW - DAY))
    assert np.isnan(table.column("shown.rate_30d")).all()
    assert not table.column("shown.times_30d").any()


def left(*events: Interaction | Ranking, **more) -> list[str]:
    ids = CATALOGUE.ids.ids()
    return sorted(ids[number] for number in moment(*events, **more).left)


def test_what_was_shown_and_not_taken_is_left() -> None:
    seen = [page(1, "heat", "ran", "gone"), page(2, "heat", "up"), page(3, "old", user="bob")]
    assert left(*seen, did(1, "ran", NOW - DAY)) == ["heat", "heat", "up"]
    assert left(*seen, personalise=False) == []
    assert left() == []


def test_what_was_left_is_read_where_words_of_attributes_are_chosen() -> None:
    seen = page(1, "heat", "ran")
    assert len(moment(seen).left) == 2
    for properties in ((), ("minutes",)):
        catalogue = Catalogue.from_items(FILMS, properties=properties)
        assert len(moment(seen, catalogue=catalogue).left) == 0


def test_what_was_shown_before_the_oldest_known_interaction_is_nobodys_guess() -> None:
    seen = [page(1, "heat", time_ms=NOW - 9 * DAY), page(2, "up", time_ms=NOW - DAY)]
    taken = did(1, "ran", NOW - 3 * DAY)
    assert left(*seen, taken, n=2) == ["heat", "up"]
    assert left(*seen, taken, n=1) == ["up"]


def test_affinity_is_the_share_taken_beyond_the_usual() -> None:
    table = build(page(1, "heat", "up", "old"), did(1, "heat", NOW - DAY))
    usual = (1 + 1) / (1 + 2 + 1 + 4)  # heat taken, up and old left
    crime = (1 + 3 * usual) / (1 + 1 + 3) - usual
    drama = (1 + 3 * usual) / (1 + 0 + 3) - usual
    family = (0 + 3 * usual) / (0 + 1 + 3) - usual
    genres = [(crime + drama) / 2, drama, family, crime, np.nan]
    np.testing.assert_allclose(table.column("attributes.genres_affinity"), genres, rtol=1e-5)
    # Nobody was shown anything of the director; the others have none.
    director = [np.nan, 0, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(
        table.column("attributes.director_affinity"), director, rtol=1e-5, atol=1e-7
    )
    half, quarter = np.log(4 / 2), np.log(4 / 1)
    summed = [half * (crime + drama), half * drama, quarter * family, half * crime, 0]
    np.testing.assert_allclose(table.column("attributes.affinity"), summed, rtol=1e-4, atol=1e-7)
    assert table.column("attributes.left").tolist() == [2] * 5


def test_a_stranger_has_no_affinity() -> None:
    table = build(page(1, "heat", user="bob"))
    assert np.isnan(table.column("attributes.genres_affinity")).all()
    assert np.isnan(table.column("attributes.affinity")).all()


def test_numbers_are_features_themselves() -> None:
    table = build()
    np.testing.assert_array_equal(
        table.column("attributes.minutes"), [170, np.nan, 96, np.nan, np.nan]
    )
    np.testing.assert_array_equal(
        table.column("attributes.3d"), [np.nan, np.nan, 1, np.nan, np.nan]
    )
    assert "attributes.genres" not in table.names
    assert "attributes.minutes_affinity" not in table.names


def test_columns_do_not_depend_on_the_shopper() -> None:
    assert build().names == build(page(1, "heat"), did(1, "heat", NOW - DAY)).names


def test_without_chosen_attributes_there_is_no_group() -> None:
    table = build(page(1, "heat"), catalogue=Catalogue.from_items(FILMS))
    assert not [name for name in table.names if name.startswith("attributes.")]


def test_votes_of_similar_queries() -> None:
    state = MemoryState(GAINS)
    state.append(
        [
            did(1, "heat", NOW, query="heat film"),
            did(2, "ran", NOW, query="zebra", type="purchase"),
            did(3, "up", NOW, query="heatfilm"),
        ]
    )
    asked = Query(text="heat  film", now_ms=NOW)
    table, _ = FeatureBuilder(CATALOGUE, ()).build(
        read_moment(asked, candidates(*ALL), CATALOGUE, state, GAINS, 50)
    )
    votes = np.array([1, 0, 1, 0, 0])
    usual = np.array([1, 3, 1, 0, 0]) / 5
    for name in ("near", "wide"):
        np.testing.assert_allclose(table.column(f"similar.{name}_7d"), np.log1p(votes), rtol=1e-5)
        np.testing.assert_allclose(table.column(f"similar.{name}_of_best"), votes, rtol=1e-5)
        np.testing.assert_allclose(
            table.column(f"similar.{name}_share"), (votes + usual) / (2 + 1), rtol=1e-5
        )
        assert table.column(f"similar.{name}_votes") == pytest.approx([np.log1p(2)] * 5)
        lift = table.column(f"similar.{name}_lift")
        assert lift[0] == pytest.approx(np.log((1.2 / 3) / 0.2), rel=1e-4)
        assert lift[0] > 0 > lift[1]
