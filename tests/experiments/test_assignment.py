import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.errors import ConfigError
from search_rerank.experiments.assignment import Experiment, seed, uniform

HALVES = {"control": 0.5, "treatment": 0.5}
SHOPPERS = [f"u{n}" for n in range(20_000)]


def test_shares_are_kept() -> None:
    experiment = Experiment("ranker", {"a": 0.2, "b": 0.5})
    found = experiment.variants(SHOPPERS)
    for variant, share in (("a", 0.2), ("b", 0.5), (None, 0.3)):
        expected, spread = share * 20_000, np.sqrt(share * (1 - share) * 20_000)
        assert abs(found.count(variant) - expected) < 4 * spread


def test_places_are_uniform() -> None:
    places = [Experiment("ranker", HALVES).place(shopper) for shopper in SHOPPERS]
    counts, _ = np.histogram(places, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square of 19, p = .001


def test_who_sees_what_never_changes() -> None:
    # The values themselves are kept: a shop's shoppers must not be parted anew by a release.
    found = Experiment("ranker", HALVES, "s").variants(["u1", "u2", "u3", "u4", "é", ""])
    assert found == KEPT


KEPT: list[str | None] = ["treatment", "control", "control", "treatment", "treatment", "control"]


@pytest.mark.parametrize("other", [("basket", ""), ("ranker", "2026")], ids=["name", "salt"])
def test_experiments_do_not_meet(other: tuple[str, str]) -> None:
    first = np.array(Experiment("ranker", HALVES).variants(SHOPPERS)) == "control"
    second = np.array(Experiment(other[0], HALVES, other[1]).variants(SHOPPERS)) == "control"
    assert (first & second).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / 20_000))


def test_a_share_that_grows_keeps_those_it_had() -> None:
    few = Experiment("ranker", {"control": 0.1})
    many = Experiment("ranker", {"control": 0.4})
    had = [shopper for shopper in SHOPPERS if few.variant(shopper)]
    assert all(many.variant(shopper) == "control" for shopper in had)


@given(st.lists(st.text(max_size=4), min_size=1, max_size=3), st.text(max_size=4))
def test_parts_are_kept_apart(parts: list[str], more: str) -> None:
    assert seed(*parts) == seed(*parts)
    assert seed(*parts) != seed(*parts, more)
    assert 0 <= uniform(*parts) < 1


def test_thirds_leave_nobody_out() -> None:
    thirds = Experiment("ranker", dict.fromkeys("abcdefghijklmno", 1 / 15))
    assert None not in thirds.variants(SHOPPERS[:2000])


def test_wrong_shares_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected an experiment with a name and variants"):
        Experiment("ranker", {})
    with pytest.raises(ConfigError, match="together at most 1, found {'a': 0.0}: lower them"):
        Experiment("ranker", {"a": 0.0, "b": 0.5})
    with pytest.raises(ConfigError, match="together at most 1, found"):
        Experiment("ranker", {"a": 0.6, "b": 0.5})
