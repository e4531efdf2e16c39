"""Training that knows no future passes; a leak that is planted is caught by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_rerank import replay, training
from search_rerank.data.events import Events
from search_rerank.data.shop import generate, write_shop
from search_rerank.engines import open_engine
from search_rerank.features import builder
from search_rerank.features.moment import read_moment
from search_rerank.replay import Replay, Replayed
from search_rerank.skew.alone import Alone, alone, implausible, of_model
from search_rerank.skew.future import cut_off, look_ahead
from search_rerank.training import Shop
from search_rerank.workspace import Workspace
from tests.service.conftest import World
from tests.spine.test_evaluation import part
from tests.spine.world import run

pytestmark = pytest.mark.slow

SIZE = {"products": 150, "shoppers": 60, "events": 2500}
END_MS = max(one.time_ms for one in generate(**SIZE).events) + 1


@pytest.fixture(scope="module")
def shop(built: World) -> Iterator[Shop]:
    workspace = Workspace(built.config)
    engine = open_engine(built.config)
    with workspace.cache() as cache:
        yield workspace.shop(generate(**SIZE).dataset(), engine, cache)
    engine.close()


class _Peek:
    """Sees the log that is being replayed, as a group that looks things up in it would."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.log: Events | None = None
        whole = Replay.run

        def seen(replay: Replay, events: Events, *more: Any, **named: Any) -> Iterator[Replayed]:
            self.log = events
            return whole(replay, events, *more, **named)

        patch.setattr(Replay, "run", seen)
        self.item = builder.GROUPS["item"]
        patch.setitem(builder.GROUPS, "item", self.columns)  # type: ignore[arg-type]

    def columns(self, moment: Any, catalogue: Any) -> dict[str, Any]:
        assert self.log is not None
        later = self.log.item[self.log.time_ms >= moment.query.now_ms]
        counts = np.bincount(later, minlength=len(catalogue))
        leak = {"leak.demand_afterwards": counts[moment.items].astype(np.float32)}
        return self.item(moment, catalogue) | leak


def test_training_as_it_is_knows_no_future(shop: Shop) -> None:
    future = look_ahead(shop, sample=12, rankings=30)
    assert future.compared.same, future.compared.table("trained", "cut off")
    assert future.other_candidates == 0
    assert (future.compared.requests, len(future.rows.occasions)) == (12, 30)
    assert future.compared.rows > 12 * 10


def test_a_group_that_counts_what_came_afterwards_is_caught(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Peek(monkeypatch)
    future = look_ahead(shop, sample=6, rankings=20)
    assert set(future.compared.differing) == {"leak.demand_afterwards"}
    assert future.compared.differing["leak.demand_afterwards"].requests == 6


def test_a_state_that_is_an_hour_ahead_is_caught(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault that every replay invites: what came of the occasion is already counted."""
    peek = _Peek(monkeypatch)
    monkeypatch.setitem(builder.GROUPS, "item", peek.item)  # type: ignore[arg-type]

    def ahead(query: Any, candidates: Any, catalogue: Any, state: Any, *more: Any) -> Any:
        assert peek.log is not None
        state.append([one for one in peek.log.log if 0 <= one.time_ms - query.now_ms < 3_600_000])
        return read_moment(query, candidates, catalogue, state, *more)

    monkeypatch.setattr(replay, "read_moment", ahead)
    found = look_ahead(shop, sample=8, rankings=20).compared.differing
    assert {"item.idle_days", "query.interactions_7d"} <= set(found)


def test_scorers_fitted_on_everything_are_caught(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = training.fit_scorers
    monkeypatch.setattr(training, "fit_scorers", lambda shop, cut_ms: fit(shop, END_MS))
    found = look_ahead(shop, sample=4, rankings=10).compared.differing
    assert "score.popularity" in found
    assert all(name.startswith("score.") for name in found)


def test_an_index_boosted_by_the_whole_log_is_caught(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    boosts = training.boosts
    monkeypatch.setattr(
        training, "boosts", lambda events, cut_ms, *more: boosts(events, END_MS, *more)
    )
    future = look_ahead(shop, sample=8, rankings=10)
    assert future.other_candidates or "query.lexical" in future.compared.differing


def test_a_log_that_is_cut_off_holds_nothing_after_it(shop: Shop) -> None:
    events = shop.events
    at = int(np.median(events.time_ms))
    short = cut_off(events, at)
    assert short.time_ms.max() < at and short.rankings.time_ms.max(initial=0) < at
    assert len(short) == (events.time_ms < at).sum()
    assert len(short.rankings.shown) == short.rankings.offsets[-1]
    kept = short.ranking >= 0
    np.testing.assert_array_equal(short.ranking[kept], events.ranking[: len(short)][kept])


# What is known without the log.


def test_each_feature_ranks_alone_in_its_better_direction() -> None:
    rows = part([0, 0, 3, 0], [], [(1, 5), (2, 6), (9, 0), (3, 7)])
    best, other = alone(rows, np.random.default_rng(0))
    assert {best, other} == {Alone("score.one", 1.0, False), Alone("score.two", 1.0, True)}


class _Second:
    """Ranks by the second column of what it was trained on."""

    def fuse(self, table: Any) -> Any:
        return table.X[:, 1]


def test_a_model_sees_its_own_columns_in_their_order() -> None:
    rows = part([0, 1], [], [(1, 0), (0, 1)])
    ranker: Any = _Second()
    assert of_model(rows, ranker, ("score.one", "score.two")) == 1.0
    assert of_model(rows, ranker, ("score.two", "score.one")) == pytest.approx(1 / np.log2(3))
    assert of_model(rows, ranker, ("score.two", "score.three")) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [(None, ["a"]), (0.99, ["a"]), (0.5, ["a", "b"]), (0.2, ["a", "b", "c"])],
)
def test_what_is_implausible(model: float | None, expected: list[str]) -> None:
    features = [Alone("a", 0.95, False), Alone("b", 0.6, False), Alone("c", 0.3, True)]
    assert [one.name for one in implausible(features, model, 0.9)] == expected


def test_the_command_names_a_leak_of_either_kind(
    built: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shop(generate(**SIZE), tmp_path / "data")
    settings = {
        "home": str(built.config.home),
        "encoder": {"dim": 16},
        "training": {"max_rankings": 150},
    }
    line = ("check", "--data", str(tmp_path / "data"), "--sample", "5")
    clean = run(settings, tmp_path, *line)
    assert clean.exit_code == 0, clean.output
    assert "no feature differs" in clean.output and "implausible" not in clean.output
    with monkeypatch.context() as patch:
        _Peek(patch)
        leaking = run(settings, tmp_path, *line)
    assert leaking.exit_code == 1, leaking.output
    assert "features that have seen the future: 1" in leaking.output
    assert "leak.demand_afterwards" in leaking.output
