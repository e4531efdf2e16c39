import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.errors import ConfigError
from search_rerank.evaluation.grouped import Grouped, ranking
from search_rerank.evaluation.listwise import KINDS
from search_rerank.evaluation.measures import Measure, parse_measure

ALL = ("nDCG@3", "nDCG", "nDCG_exp@10", "MRR", "MRR@2", "HR@2", "recall@2", "AP", "AP@3", "P@2")
WITH_PARAMETER = ("ERR@10", "ERR", "ERR(max=5)@10", "RBP", "RBP(p=0.95)@3", "success@1")


def ranked(*groups: list[float], missed: list[list[float]] | None = None) -> Grouped:
    """Groups whose gains are already in the order of the scores."""
    sizes = [len(group) for group in groups]
    n = sum(sizes)
    gains = np.array([gain for group in groups for gain in group], dtype=np.float64)
    offsets = np.cumsum([0, *sizes])
    return Grouped.ranked(gains, -np.arange(n, dtype=float), np.arange(n), offsets, missed)


def value(measure: str, gains: list[float], missed: list[float] | None = None) -> float:
    groups = ranked(gains, missed=None if missed is None else [missed])
    return float(parse_measure(measure).values(groups)[0])


@pytest.mark.parametrize("text", ALL + WITH_PARAMETER)
def test_prints_as_typed(text: str) -> None:
    assert str(parse_measure(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nDCG@0", "expected a name and a cutoff above 0"),
        ("nDCG@ten", "expected a name and a cutoff above 0"),
        ("", "expected a name and a cutoff above 0"),
        ("NDCG@10", r"unknown measure 'NDCG' \(did you mean 'nDCG'\?\)"),
        ("HR", "expected a cutoff, such as HR@10"),
        ("success", "expected a cutoff, such as success@10"),
        ("RBP(p=1)", "expected p between 0 and 1, found 1"),
        ("RBP(p=-1)", "expected a name and a cutoff above 0"),
        ("ERR(max=0)@10", "expected max between 0 and 500, found 0"),
        ("ERR(p=0.5)@10", "expected the parameter 'max', found 'p'"),
        ("nDCG(p=0.5)@10", "expected no parameter, found 0.5"),
    ],
)
def test_refuses_what_it_does_not_know(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_measure(text)


def test_a_measure_is_right_however_it_is_made() -> None:
    assert Measure("ERR", 10, 3.0) == parse_measure("ERR(max=3)@10")
    for wrong, message in (
        (("NDCG", 10), "unknown measure 'NDCG'"),
        (("P",), "expected a cutoff, such as P@10"),
        (("nDCG", 0), "expected a cutoff above 0, found 0"),
        (("nDCG", 10, 3.0), "expected no parameter, found 3"),
    ):
        with pytest.raises(ConfigError, match=message):
            Measure(*wrong)  # type: ignore[arg-type]


def test_ndcg_is_linear_in_the_gain() -> None:
    found = 1 / np.log2(2) + 3 / np.log2(4)
    ideal = 3 / np.log2(2) + 1 / np.log2(3)
    assert value("nDCG@3", [1, 0, 3]) == pytest.approx(found / ideal)


def test_ndcg_exp_grows_with_the_power_of_two() -> None:
    found = (2**1 - 1) / np.log2(2) + (2**3 - 1) / np.log2(4)
    ideal = (2**3 - 1) / np.log2(2) + (2**1 - 1) / np.log2(3)
    assert value("nDCG_exp@3", [1, 0, 3]) == pytest.approx(found / ideal)


def test_ndcg_sees_nothing_past_the_cutoff() -> None:
    assert value("nDCG@2", [0, 0, 3]) == 0


def test_missed_items_count_in_the_ideal() -> None:
    found = 1 / np.log2(2)
    ideal = 3 / np.log2(2) + 1 / np.log2(3)
    assert value("nDCG@3", [1, 0, 0], missed=[3]) == pytest.approx(found / ideal)
    assert value("recall@3", [1, 0, 0], missed=[3, 1]) == pytest.approx(1 / 3)
    assert value("AP", [0, 1, 0], missed=[1]) == pytest.approx(1 / 2 / 2)


def test_the_other_measures() -> None:
    gains: list[float] = [0, 2, 0, 1, 0]
    assert value("MRR", gains) == 1 / 2
    assert value("MRR@1", gains) == 0
    assert (value("HR@1", gains), value("HR@2", gains), value("HR@4", gains)) == (0, 1, 1)
    assert value("recall@2", gains) == 1 / 2
    assert value("P@5", gains) == 2 / 5
    assert value("P@10", gains) == 2 / 10
    assert value("AP", gains) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert value("AP@2", gains) == pytest.approx(1 / 2 / 2)


def test_err_stops_at_each_row_by_its_grade() -> None:
    gains: list[float] = [0, 3, 1, 0, 4]
    three, one, four = ((2**gain - 1) / 2**4 for gain in (3, 1, 4))
    at_2, at_3 = three / 2, (1 - three) * one / 3
    assert value("ERR@4", gains) == pytest.approx(at_2 + at_3)
    at_5 = (1 - three) * (1 - one) * four / 5
    assert value("ERR", gains) == pytest.approx(at_2 + at_3 + at_5)
    assert value("ERR(max=6)@3", [0, 3]) == pytest.approx((2**3 - 1) / 2**6 / 2)
    with pytest.raises(ConfigError, match=r"expected gains to 3 .* found 4"):
        value("ERR(max=3)@10", gains)


def test_err_of_several_groups() -> None:
    groups = ranked([1, 0, 4], [], [0, 2], [3])
    apart = [value("ERR@10", gains) for gains in ([1, 0, 4], [], [0, 2], [3])]
    assert parse_measure("ERR@10").values(groups).tolist() == apart


def test_rbp_weighs_places_by_patience() -> None:
    gains: list[float] = [2, 0, 1, 1]
    assert value("RBP", gains) == pytest.approx((1 - 0.8) * (1 + 0.8**2 + 0.8**3))
    assert value("RBP(p=0.5)@3", gains) == pytest.approx((1 - 0.5) * (1 + 0.5**2))


def test_small_and_large_gains_keep_their_order() -> None:
    assert value("nDCG_exp", [1e-20, 0]) == 1
    assert value("nDCG_exp", [0, 1e-20]) == pytest.approx(1 / np.log2(3))
    assert value("nDCG", [0, 1e100]) == pytest.approx(1 / np.log2(3))
    with pytest.raises(ConfigError, match=r"expected gains to 500 .* found 501"):
        value("nDCG_exp", [501])


@pytest.mark.parametrize("measure", ALL)
def test_every_group_counts(measure: str) -> None:
    groups = ranked([], [1.0], [0.0, 0.0], [], missed=[[1.0], [], [], []])
    values = parse_measure(measure).values(groups)
    assert values.tolist() == [0, 1 / 2 if measure == "P@2" else 1, 0, 0]


def test_no_groups() -> None:
    assert parse_measure("nDCG@10").values(ranked()).shape == (0,)


def test_ties_and_nan_are_ordered_by_the_second_key() -> None:
    scores = np.array([np.nan, 1.0, 1.0, np.nan, -np.inf])
    for relevant, place in enumerate([5, 2, 1, 4, 3]):
        gains = np.eye(5)[relevant]
        groups = Grouped.ranked(gains, scores, np.array([9, 5, 4, 8, 0]), np.array([0, 5]))
        assert parse_measure("MRR").values(groups).tolist() == [1 / place]


def test_lengths_that_do_not_fit_are_refused() -> None:
    one = np.ones(3)
    with pytest.raises(ValueError, match="expected 4 scores and ties"):
        Grouped.ranked(one, one, np.arange(3), np.array([0, 4]))
    with pytest.raises(ValueError, match="expected 3 gains, one a row, found 2"):
        Grouped.ranked(np.ones(2), one, np.arange(3), np.array([0, 3]))
    with pytest.raises(ValueError, match="expected missed gains of 1 groups, found 2"):
        Grouped.ranked(one, one, np.arange(3), np.array([0, 3]), [[], []])


@pytest.mark.parametrize(
    ("gain", "message"),
    [
        (np.nan, "expected finite gains, found NaN or infinity"),
        (np.inf, "expected finite gains, found NaN or infinity"),
        (-1.0, r"expected gains from 0 to 1e\+100, found -1 to 1: give 0"),
        (1e101, r"expected gains from 0 to 1e\+100, found .* to 1e\+101"),
    ],
)
def test_gains_without_bounds_are_refused(gain: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranked([1.0, gain])
    with pytest.raises(ValueError, match=message):
        ranked([1.0], missed=[[1.0, gain]])


GAINS = st.lists(st.floats(0, 30, width=32), max_size=12)


@given(
    groups=st.lists(st.tuples(GAINS, GAINS), max_size=4), seed=st.integers(0, 99), k=st.integers(1)
)
def test_always_between_0_and_1(
    groups: list[tuple[list[float], list[float]]], seed: int, k: int
) -> None:
    gains = np.array([gain for rows, _ in groups for gain in rows])
    offsets = np.cumsum([0, *(len(rows) for rows, _ in groups)])
    scores = np.random.default_rng(seed).integers(0, 3, len(gains)).astype(float)
    missed = [rest for _, rest in groups]
    found = Grouped.ranked(gains, scores, np.arange(len(gains)), offsets, missed)
    best = Grouped.ranked(gains, gains, np.arange(len(gains)), offsets)
    relevant = np.array([max(rows, default=0) > 0 for rows, _ in groups], dtype=bool)
    for name in KINDS:
        typed = "ERR(max=30)" if name == "ERR" else name
        for text in (f"{typed}@{min(k, 10**8)}", *(() if KINDS[name].needs_k else (typed,))):
            values = parse_measure(text).values(found)
            assert ((values >= 0) & (values <= 1)).all()
            assert len(values) == len(groups)
    for name in ("nDCG@5", "nDCG", "nDCG_exp@5", "nDCG_exp", "MRR", "AP", "HR@1"):
        np.testing.assert_array_equal(parse_measure(name).values(best), relevant)


def test_rounding_does_not_lift_ndcg_above_1() -> None:
    third, more = 1 / 3, np.nextafter(1 / 3, 1)
    gains = np.array([third, more, more, more])
    log = np.log2(np.arange(4) + 2)
    assert sum(gains / log) > sum(np.sort(gains)[::-1] / log)  # so do floats add up
    assert value("nDCG@10", gains.tolist()) == 1


@given(rows=GAINS, wide=st.floats(0, 1e100), k=st.integers(1, 20))
def test_ndcg_is_never_above_1_however_large_the_gains(
    rows: list[float], wide: float, k: int
) -> None:
    for gains in ([*rows, wide], [wide, *rows]):
        assert 0 <= value(f"nDCG@{k}", gains, missed=rows) <= 1


@given(scores=st.lists(st.sampled_from([np.nan, -np.inf, 0.0, 0.5, 1.0]), max_size=30))
def test_blocks_of_groups_rank_as_all_at_once(scores: list[float]) -> None:
    values = np.array(scores, dtype=np.float64)
    offsets = np.unique([0, 0, len(scores) // 3, len(scores) // 2, len(scores)])
    if len(offsets) == 1:
        offsets = np.array([0, 0])
    ties = np.arange(len(scores))[::-1].copy()
    whole = ranking(values, ties, offsets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search_rerank.evaluation.grouped._ROWS", 4)
        assert ranking(values, ties, offsets).tolist() == whole.tolist()
