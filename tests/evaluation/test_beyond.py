import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.errors import ConfigError
from search_rerank.evaluation.beyond import PER_LIST, WHOLE, ListMeasure, Shelf, parse_list_measure

HALF = np.sqrt(0.5)
SHELF = Shelf(
    interactions=np.array([13, 0, 5, 0, 1]),
    vectors=np.array([[1, 0], [0, 1], [HALF, HALF], [-1, 0], [0, 0]], dtype=np.float32),
    category=np.array([[0, 1, 2], [0, 1, -1], [0, 3, -1], [4, -1, -1], [-1, -1, -1]]),
)


def values(measure: str, *lists: list[int]) -> list[float]:
    found: list[float] = parse_list_measure(measure).values(np.array(lists), SHELF).tolist()
    return found


def value(measure: str, *lists: list[int]) -> float:
    return parse_list_measure(measure).value(np.array(lists), SHELF)


@pytest.mark.parametrize("name", [*PER_LIST, *WHOLE])
def test_prints_as_typed(name: str) -> None:
    measure = parse_list_measure(f"{name}@10")
    assert str(measure) == f"{name}@10"
    assert measure.per_list == (name in PER_LIST)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coverage", "expected a name and a cutoff above 0, such as novelty@10"),
        ("coverage@0", "expected a name and a cutoff above 0"),
        ("covrage@10", r"unknown measure 'covrage' \(did you mean 'coverage'\?\)"),
    ],
)
def test_refuses_what_it_does_not_know(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_list_measure(text)


def test_a_measure_is_right_however_it_is_made() -> None:
    assert ListMeasure("gini", 3) == parse_list_measure("gini@3")
    with pytest.raises(ConfigError, match="unknown measure 'ginny'"):
        ListMeasure("ginny", 3)
    with pytest.raises(ConfigError, match="expected a cutoff above 0, found 0"):
        ListMeasure("gini", 0)


def test_coverage_is_the_share_of_the_catalogue_shown() -> None:
    assert value("coverage@2", [0, 1, 4], [1, 2, 3], [1, -1, -1]) == 3 / 5
    assert value("coverage@3", [0, 1, 4], [1, 2, 3], [1, -1, -1]) == 1
    assert value("coverage@1", [-1]) == 0


def test_gini_is_0_for_all_alike_and_largest_for_one() -> None:
    alike = [[0], [1], [2], [3], [4]]
    assert value("gini@1", *alike) == pytest.approx(0)
    assert value("gini@1", *[[3]] * 7) == pytest.approx(1 - 1 / 5)
    # Exposures 0 0 0 1 1: half the mean absolute difference over the mean.
    assert value("gini@1", [0], [1]) == pytest.approx(12 / 25 / 2 / (2 / 5))
    assert np.isnan(value("gini@1", [-1]))


def test_gini_knows_that_the_first_place_is_seen_more() -> None:
    first, second = 1 / np.log2(2), 1 / np.log2(3)
    x = np.array([0, 0, 0, second, first])
    pairs = np.abs(x[:, None] - x).mean()
    assert value("gini@2", [0, 1]) == pytest.approx(pairs / 2 / x.mean())


def test_diversity_is_1_minus_the_mean_cosine_of_pairs() -> None:
    found = values("diversity@3", [0, 1, -1], [0, 1, 2], [0, 0, -1], [0, 3, -1])
    mean = (0 + HALF + HALF) / 3
    assert found == pytest.approx([1 - 0, 1 - mean, 1 - 1, 1 + 1])


def test_a_list_without_two_vectors_has_no_diversity() -> None:
    found = values("diversity@3", [0, -1, -1], [-1, -1, -1], [0, 4, -1], [0, 4, 1])
    assert found == pytest.approx([np.nan, np.nan, np.nan, 1], nan_ok=True)
    assert value("diversity@3", [0, -1, -1], [0, 1, -1], [0, 0, -1]) == pytest.approx(1 / 2)


def test_category_diversity_is_the_distance_in_the_tree() -> None:
    same, near, far = 1 - 2 * 3 / 6, 1 - 2 * 2 / 5, 1 - 2 * 1 / 5
    found = values("category_diversity@3", [0, 0, -1], [0, 1, -1], [0, 2, -1], [0, 3, -1])
    assert found == pytest.approx([same, near, far, 1])
    assert values("category_diversity@3", [0, 1, 3]) == pytest.approx([(near + 1 + 1) / 3])
    # Item 4 has no category.
    found = values("category_diversity@3", [0, 4, 2], [0, 4, -1], [-1, -1, -1])
    assert found == pytest.approx([far, np.nan, np.nan], nan_ok=True)


def test_many_lists_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = np.random.default_rng(0).integers(-1, 5, (50, 4))
    measure = parse_list_measure("category_diversity@4")
    whole = measure.values(lists, SHELF)
    monkeypatch.setattr("search_rerank.evaluation.diversity._CELLS", 20)
    np.testing.assert_array_equal(measure.values(lists, SHELF), whole)


def test_novelty_is_information_in_bits() -> None:
    # Each item counted once more: 14 + 1 + 6 + 1 + 2 of 24.
    found = values("novelty@2", [0, 1], [4, -1], [-1, -1])
    expected = [(np.log2(24 / 14) + np.log2(24)) / 2, np.log2(24 / 2), np.nan]
    assert found == pytest.approx(expected, nan_ok=True)


def test_new_items_are_those_nobody_took() -> None:
    found = values("new_items@3", [0, 1, 3], [2, 1, -1], [-1, -1, -1])
    assert found == pytest.approx([2 / 3, 1 / 2, np.nan], nan_ok=True)
    assert value("new_items@3", [0, 1, 3], [2, 1, -1], [-1, -1, -1]) == pytest.approx(7 / 12)


def test_only_the_first_places_count() -> None:
    for name in (*PER_LIST, *WHOLE):
        short, long = value(f"{name}@2", [0, 1], [2, 3]), value(f"{name}@2", [0, 1, 2], [2, 3, 0])
        assert short == long


def test_nothing_is_known_of_an_empty_shop() -> None:
    empty = Shelf(np.zeros(0, int), np.zeros((0, 0), np.float32), np.zeros((0, 0), int))
    for name in (*PER_LIST, *WHOLE):
        lists = np.full((3, 2), -1)
        assert np.isnan(parse_list_measure(f"{name}@2").value(lists, empty))
        assert np.isnan(parse_list_measure(f"{name}@2").value(lists[:0], empty))


def test_items_without_vectors_and_categories() -> None:
    bare = Shelf(np.ones(3, int), np.zeros((3, 0), np.float32), np.zeros((3, 0), int))
    for name in ("diversity", "category_diversity"):
        assert np.isnan(parse_list_measure(f"{name}@2").value(np.array([[0, 1]]), bare))


def test_the_shelf_knows_what_came_before_the_cut() -> None:
    catalogue = Catalogue.from_items([Item(id=id_, title=id_) for id_ in ("boot", "lamp", "mug")])
    log = [
        Interaction(id=f"e{n}", time_ms=time, user="ann", item=item, type="click")
        for n, (time, item) in enumerate([(1, "boot"), (2, "boot"), (9, "lamp"), (10, "mug")])
    ]
    shelf = Shelf.before(10, catalogue, Events.from_events(log, catalogue.ids))
    assert shelf.interactions.tolist() == [2, 1, 0]
    assert shelf.new.tolist() == [False, False, True]


def test_wrong_lists_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected lists of shape \(q, 5\) or deeper, found"):
        value("novelty@5", [0, 1])
    with pytest.raises(ValueError, match="expected item numbers from -1 to 4, found 0 to 5"):
        value("novelty@2", [0, 5])
    with pytest.raises(ValueError, match="coverage@2: expected a measure of single lists"):
        values("coverage@2", [0, 1])


@given(
    lists=arrays(np.int32, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(-1, 4)),
    k=st.integers(1, 4),
)
def test_bounds(lists: np.ndarray, k: int) -> None:
    most = {"diversity": 2, "novelty": np.log2(SHELF.interactions.sum() + 5)}
    for name in PER_LIST:
        found = parse_list_measure(f"{name}@{k}").values(lists, SHELF)
        assert found.shape == (len(lists),)
        known = found[~np.isnan(found)]
        assert ((known >= -1e-9) & (known <= most.get(name, 1) + 1e-9)).all()
    for name in WHOLE:
        one = parse_list_measure(f"{name}@{k}").value(lists, SHELF)
        assert np.isnan(one) or -1e-9 <= one <= 1
