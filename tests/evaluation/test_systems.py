import numpy as np
import pytest

from search_rerank.errors import ConfigError
from search_rerank.evaluation.compare import bootstrap_ci, paired_test
from search_rerank.evaluation.correction import corrected
from search_rerank.evaluation.power import detectable
from search_rerank.evaluation.systems import against_baseline

SHOPPERS = [f"s{n % 40}" for n in range(120)]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def systems() -> dict[str, np.ndarray]:
    source = rng()
    base = source.random(120)
    return {
        "better": base + 0.2 * (source.random(120) < 0.5),
        "base": base,
        "other": source.random(120),
        "same": base.copy(),
    }


def test_each_system_stands_as_it_would_alone() -> None:
    values = systems()
    found = {one.system: one for one in against_baseline(values, "base", rng(), SHOPPERS)}
    assert list(found) == list(values)
    tests = {}
    for name, one in found.items():
        assert one.mean == pytest.approx(values[name].mean())
        assert one.queries == 120
        assert one.ci95 == pytest.approx(bootstrap_ci(values[name], rng(), clusters=SHOPPERS))
        if name == "base":
            assert (one.difference, one.corrected_p, one.detectable) == (None, None, None)
            continue
        assert one.difference is not None
        alone = paired_test(values[name], values["base"], rng(), SHOPPERS)
        assert one.difference.mean == pytest.approx(alone.mean)
        assert one.difference.p == pytest.approx(alone.p, abs=0.02)  # other draws
        assert one.difference.ci95 == pytest.approx(alone.ci95, abs=0.01)
        assert one.detectable == pytest.approx(detectable(values[name], values["base"], SHOPPERS))
        tests[name] = one.difference.p
    assert [found[name].corrected_p for name in tests] == corrected(list(tests.values()))
    assert tests["better"] < 0.001
    assert found["same"].difference is not None
    assert found["same"].difference.p == 1


def test_one_system_gets_the_draws_of_a_single_test() -> None:
    values = {name: column for name, column in systems().items() if name in ("better", "base")}
    ours = against_baseline(values, "base", rng())[0].difference
    source = rng()
    bootstrap_ci(values["base"], source)  # the intervals of the means come first
    assert ours == paired_test(values["better"], values["base"], source)


def test_wins_losses_and_ties_make_up_all_queries() -> None:
    values = {"a": np.array([0.5, 0.2, 0.9, 0.4]), "b": np.array([0.5, 0.3, 0.1, 0.45])}
    exact, loose = (
        against_baseline(values, "b", rng(), threshold=threshold)[0] for threshold in (0, 0.06)
    )
    assert (exact.wins, exact.losses, exact.ties) == (1, 2, 1)
    assert (loose.wins, loose.losses, loose.ties) == (1, 1, 2)


def test_one_shopper_shows_no_difference_at_all() -> None:
    (one,) = (
        one
        for one in against_baseline(systems(), "base", rng(), ["ann"] * 120)
        if one.system == "better"
    )
    assert one.difference is not None
    assert (one.difference.p, one.corrected_p, one.detectable) == (1, 1, None)


def test_a_baseline_alone_has_its_mean() -> None:
    (one,) = against_baseline({"base": np.array([0.0, 1.0])}, "base", rng())
    assert (one.mean, one.difference) == (0.5, None)


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown baseline 'bse' \(did you mean 'base'\?\)"):
        against_baseline(systems(), "bse", rng())
    with pytest.raises(ConfigError, match="unknown correction 'bonferroni'"):
        against_baseline(systems(), "base", rng(), correction="bonferroni")
    with pytest.raises(ValueError, match=r"as many values of every system, found \{'a': 1"):
        against_baseline({"a": np.ones(1), "b": np.ones(2)}, "a", rng())
    with pytest.raises(ValueError, match="expected one finite value a query"):
        against_baseline({"a": np.array([np.nan]), "b": np.ones(1)}, "a", rng())
    with pytest.raises(ValueError, match="expected 120 clusters, one a value, found 2"):
        against_baseline(systems(), "base", rng(), ["ann", "bob"])
