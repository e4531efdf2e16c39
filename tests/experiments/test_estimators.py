"""Estimates from one ranker's log, in a world where the value of every other is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.errors import DataError
from search_rerank.evaluation.compare import bootstrap_ci
from search_rerank.experiments.attraction import cross_fitted, reranked
from search_rerank.experiments.clustered import Interval
from search_rerank.experiments.diagnostics import clip, diagnose
from search_rerank.experiments.estimators import Predicted, doubly_robust, gained, ips, snips
from search_rerank.experiments.logged import Logged, Target
from search_rerank.experiments.policies import PlackettLuce, looks
from search_rerank.experiments.weights import as_shown, item_position, policy_aware
from tests.experiments.worlds import LOOKS, Shown, World

SMALL = Logged(
    ranking=np.array([0, 0, 1, 1]),
    place=np.array([0, 1, 0, 1]),
    click=np.array([0.0, 1.0, 1.0, 0.0]),
    shopper=np.array([0, 1]),
)
"""Two rankings of two items: a click at the second place of one, at the first of the other."""


def targets(
    world: World, shown: Shown, new: NDArray[np.int64], policy: PlackettLuce
) -> Mapping[str, Target]:
    logged, place = shown.logged, shown.rows(new)
    wanted, chances = LOOKS[place], policy.chances()
    item = np.tile(np.arange(len(LOOKS)), len(logged))
    at = chances[np.repeat(shown.query, len(LOOKS)), item, logged.place]
    given = shown.rows(looks(chances, LOOKS))
    size = np.full(len(logged), len(LOOKS))
    return {
        "as_shown": as_shown(logged, place, LOOKS),
        "policy_aware": policy_aware(logged, wanted, given, LOOKS, logged.per_ranking(wanted)),
        "item_position": item_position(logged, (place == logged.place) * 1.0, at, size, LOOKS),
    }


def estimates(shown: Shown, target: Target, new: NDArray[np.int64]) -> Mapping[str, Interval]:
    logged = shown.logged
    cell = np.repeat(shown.query, len(LOOKS)) * len(LOOKS) + np.tile(range(5), len(logged))
    rate = cross_fitted(logged, LOOKS[logged.place], [cell], np.random.default_rng(9))
    predicted = reranked(logged, rate, LOOKS[shown.rows(new)])
    return {
        "ips": ips(logged, target),
        "snips": snips(logged, target),
        "dr": doubly_robust(logged, target, predicted),
    }


@pytest.mark.parametrize("weights", ["as_shown", "policy_aware", "item_position"])
def test_all_hold_the_value_as_often_as_they_say(weights: str) -> None:
    source = np.random.default_rng(0)
    world = World.draw(source)
    policy = PlackettLuce(world.scores, 1.5)
    best = world.best()
    covered, errors = dict.fromkeys(("ips", "snips", "dr"), 0), []
    runs = 60
    for _ in range(runs):
        shown = world.log(source, policy, each=150)
        found = estimates(shown, targets(world, shown, best, policy)[weights], best)
        for name, result in found.items():
            covered[name] += result.covers(world.value(best))
        errors.append([result.value - world.value(best) for result in found.values()])
    assert min(covered.values()) >= 51  # 57 expected, standard deviation 1.7
    bias, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
    assert (np.abs(bias) < 3.5 * spread / np.sqrt(runs)).all()


def test_the_naive_mean_is_not_the_value() -> None:
    world = World.draw(np.random.default_rng(0))
    policy = PlackettLuce(world.scores, 1.5)
    shown = world.log(np.random.default_rng(1), policy, each=1000)
    naive = ips(shown.logged, Target(np.ones(40_000), np.ones(40_000), np.full(8000, 5.0)))
    assert naive.value == pytest.approx(shown.logged.click.sum() / 8000)
    assert not naive.covers(world.value(world.best()))


def test_the_formulas_on_two_rankings() -> None:
    looked = np.array([1.0, 0.5])
    target = as_shown(SMALL, np.array([1, 0, 1, 0]), looked)  # the other way round
    np.testing.assert_allclose(target.weight, [0.5, 2.0, 0.5, 2.0])
    assert ips(SMALL, target).value == pytest.approx((2.0 + 0.5) / 2)
    # Examination over examination gives all looks back: nothing is left to normalise.
    assert snips(SMALL, target).value == pytest.approx((2.0 + 0.5) / 2)
    rate = np.array([0.1, 0.2, 0.3, 0.4])
    predicted = reranked(SMALL, rate, np.array([0.5, 1.0, 0.5, 1.0]))
    direct = np.array([0.5 * 0.1 + 0.2, 0.5 * 0.3 + 0.4])
    missed = np.array(
        [0.5 * (0 - 0.1) + 2 * (1 - 0.5 * 0.2), 0.5 * (1 - 0.3) + 2 * (0 - 0.5 * 0.4)]
    )
    np.testing.assert_allclose(predicted.value, direct)
    values = direct + missed
    result = doubly_robust(SMALL, target, predicted)
    assert result.value == pytest.approx(values.mean())
    assert result.error == pytest.approx(values.std(ddof=1) / np.sqrt(2))


def test_self_normalising_divides_by_the_looks_that_were_given() -> None:
    target = Target(np.array([0.0, 3.0, 1.0, 1.0]), np.array([1.0, 0.5] * 2), np.full(2, 1.5))
    given = 3.0 * 0.5 + 1.0 * 1.0 + 1.0 * 0.5
    assert snips(SMALL, target).value == pytest.approx((3.0 + 1.0) / given * 1.5)


def test_doubly_robust_with_one_rate_for_all_is_self_normalised() -> None:
    target = Target(np.array([0.0, 3.0, 1.0, 1.0]), np.array([1.0, 0.5] * 2), np.full(2, 1.5))
    rate = 4.0 / 3.0  # clicks a look, both weighted
    predicted = Predicted(np.full(4, rate), np.full(2, 1.5 * rate))
    same = doubly_robust(SMALL, target, predicted).value
    assert same == pytest.approx(snips(SMALL, target).value)


def test_all_are_one_where_the_shown_items_are_ordered_anew() -> None:
    world = World.draw(np.random.default_rng(0))
    policy = PlackettLuce(world.scores, 1.5)
    shown = world.log(np.random.default_rng(1), policy, each=20)
    target = targets(world, shown, world.best(), policy)["as_shown"]
    found = estimates(shown, target, world.best())
    for name in ("snips", "dr"):
        assert found[name].value == pytest.approx(found["ips"].value)
        assert found[name].error == pytest.approx(found["ips"].error)


def test_what_is_gained_is_the_value_less_the_clicks() -> None:
    world = World.draw(np.random.default_rng(0))
    policy = PlackettLuce(world.scores, 1.5)
    shown = world.log(np.random.default_rng(1), policy, each=400)
    target = targets(world, shown, world.best(), policy)["policy_aware"]
    value, over = ips(shown.logged, target), gained(shown.logged, target)
    assert over.value == pytest.approx(value.value - shown.logged.click.sum() / 3200)
    assert over.error < value.error
    drawn = (looks(policy.chances(), LOOKS) * world.attraction).sum(axis=1).mean()
    assert over.covers(world.value(world.best()) - drawn)


def test_doubly_robust_needs_only_one_of_the_two_to_be_right() -> None:
    source = np.random.default_rng(3)
    world = World.draw(source)
    policy, best = PlackettLuce(world.scores, 1.5), world.best()
    shown = world.log(source, policy, each=4000)
    right = targets(world, shown, best, policy)["policy_aware"]
    wrong_weights = Target(right.weight * 1.5, right.looked, right.attention)
    true_rate = shown.rows(world.attraction)
    wanted = LOOKS[shown.rows(best)]
    value = world.value(best)
    for target, rate in ((right, np.full(len(true_rate), 0.9)), (wrong_weights, true_rate)):
        result = doubly_robust(shown.logged, target, reranked(shown.logged, rate, wanted))
        assert result.value == pytest.approx(value, abs=4 * result.error)
    assert abs(ips(shown.logged, wrong_weights).value / value - 1.5) < 0.1


def test_the_interval_is_that_of_the_bootstrap_over_shoppers() -> None:
    world = World.draw(np.random.default_rng(0))
    policy = PlackettLuce(world.scores, 1.5)
    shown = world.log(np.random.default_rng(1), policy, each=200, shopper_rankings=5)
    target = targets(world, shown, world.best(), policy)["policy_aware"]
    values = shown.logged.per_ranking(target.weight * shown.logged.click)
    low, high = bootstrap_ci(
        values, np.random.default_rng(2), 4000, clusters=shown.logged.shopper.tolist()
    )
    result = ips(shown.logged, target)
    width = high - low
    assert (result.low, result.high) == pytest.approx((low, high), abs=0.06 * width)


def test_self_normalised_errors_are_those_of_leaving_shoppers_out() -> None:
    source = np.random.default_rng(0)
    r = 400  # pages of one to three items, the more the better: attention varies among shoppers
    size = 1 + np.arange(r) // 4 % 3
    ranking = np.repeat(np.arange(r), size)
    place = np.concatenate([np.arange(n) for n in size])
    looked = np.array([1.0, 0.6, 0.4])[place]
    click = (source.random(len(place)) < looked * 0.2 * size[ranking]).astype(float)
    weight = source.exponential(1.0, len(place))
    attention = np.cumsum([1.0, 0.6, 0.4])[size - 1]

    def without(shopper: int | None) -> Interval:
        kept = np.arange(r) // 4 != shopper
        rows = kept[ranking]
        renumbered = np.cumsum(kept)[ranking[rows]] - 1
        logged = Logged(renumbered, place[rows], click[rows], np.flatnonzero(kept) // 4)
        return snips(logged, Target(weight[rows], looked[rows], attention[kept]))

    m = r // 4
    left = np.array([without(shopper).value for shopper in range(m)])
    jackknife = np.sqrt((m - 1) / m * ((left - left.mean()) ** 2).sum())
    assert without(None).error == pytest.approx(jackknife, rel=0.03)


def test_no_shopper_is_predicted_from_their_own_clicks() -> None:
    r = 40
    logged = Logged(np.arange(r), np.zeros(r, dtype=int), np.arange(r) % 2 * 1.0, np.arange(r) // 2)
    looked, item = np.ones(r), np.zeros(r, dtype=int)
    before = cross_fitted(logged, looked, [item], np.random.default_rng(0))
    changed = logged.click.copy()
    changed[:2] = 5.0  # the first shopper's
    after = cross_fitted(
        Logged(logged.ranking, logged.place, changed, logged.shopper),
        looked,
        [item],
        np.random.default_rng(0),
    )
    np.testing.assert_allclose(before, 0.5)
    assert (after[:2] == before[:2]).all()
    assert (after > before).sum() == r - 8  # all but the four shoppers of that fold


def test_rates_are_clicks_over_looks_shrunk_to_the_rate_of_all() -> None:
    r = 1000
    source = np.random.default_rng(0)
    item = np.where(np.arange(r) < 990, 0, 1)
    logged = Logged(
        np.arange(r), source.integers(0, 2, r), (source.random(r) < 0.3) * 1.0, np.arange(r)
    )
    looked = np.array([1.0, 0.5])[logged.place]
    rate = cross_fitted(logged, looked, [item], source, strength=1000.0)
    overall = logged.click.sum() / looked.sum()
    assert rate == pytest.approx(overall, abs=0.03)
    with pytest.raises(DataError, match="expected 2 to 1000 folds, .* found 1001"):
        cross_fitted(logged, looked, [item], source, folds=1001)


# Diagnostics.


def test_equal_weights_are_all_effective() -> None:
    target = Target(np.full(4, 1.0), np.array([1.0, 0.5, 1.0, 0.5]), np.full(2, 1.5))
    found = diagnose(SMALL, target)
    assert (found.effective, found.largest, found.clipped, found.lost) == (4.0, 1.0, 0.0, 0.0)
    assert found.mean.value == pytest.approx(1)
    (warning,) = found.warnings
    assert "4 effective rows of 4: the log is small" in warning


def test_effective_rows_and_what_clipping_takes() -> None:
    target = Target(np.array([0.0, 4.0, 1.0, 1.0]), np.array([1.0, 0.5] * 2), np.full(2, 1.75))
    found = diagnose(SMALL, target, most=2.0)
    assert found.effective == pytest.approx((2 + 1 + 1) ** 2 / (4 + 1 + 1))
    assert (found.largest, found.clipped) == (2.0, 0.25)
    assert found.lost == pytest.approx(2 * 0.5 / (4 * 0.5 + 1.5))
    assert clip(target, 2.0).weight.tolist() == [0.0, 2.0, 1.0, 1.0]
    assert any("clipping takes 28.6% of the looks" in one for one in found.warnings)


def test_wrong_propensities_are_noticed() -> None:
    world = World.draw(np.random.default_rng(0))
    policy = PlackettLuce(world.scores, 1.5)
    shown = world.log(np.random.default_rng(1), policy, each=500)
    right = targets(world, shown, world.best(), policy)["policy_aware"]
    assert diagnose(shown.logged, right).warnings == ()
    flat = targets(world, shown, world.best(), PlackettLuce(world.scores, 50.0))["policy_aware"]
    (warning,) = diagnose(shown.logged, flat).warnings
    assert "where 1 is expected: the propensities are wrong" in warning


# What is refused.


def test_a_log_that_could_not_show_an_item_is_refused() -> None:
    with pytest.raises(DataError, match="found 1 rows without: such a log tells nothing"):
        item_position(SMALL, np.array([1.0, 0, 0, 0]), np.array([0, 0.5, 1, 1]), np.array([2, 2]))


def test_wrong_columns_are_refused() -> None:
    one = np.array([0])
    with pytest.raises(DataError, match="found 1, 1 and 2"):
        Logged(one, one, np.ones(2), one)
    with pytest.raises(DataError, match="expected ranking numbers from 0 to 0"):
        Logged(one + 1, one, np.ones(1), one)
    with pytest.raises(DataError, match="count the first place 0"):
        Logged(one, one - 1, np.ones(1), one)
    with pytest.raises(DataError, match="expected finite weights of 0 or more"):
        Target(np.array([np.nan]), np.ones(1), np.ones(1))
    with pytest.raises(DataError, match="expected 4 predictions of rows and 2 of rankings"):
        target = Target(np.ones(4), np.ones(4), np.ones(2))
        doubly_robust(SMALL, target, Predicted(np.ones(3), np.ones(2)))
    single = Logged(one, one, np.ones(1), one)
    with pytest.raises(DataError, match="expected at least 2 shoppers, found 1"):
        ips(single, Target(np.ones(1), np.ones(1), np.ones(1)))
    with pytest.raises(DataError, match="expected a denominator above 0"):
        snips(SMALL, Target(np.zeros(4), np.ones(4), np.ones(2)))
