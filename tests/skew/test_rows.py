"""Training takes what was logged where it can, replays the rest, and learns the same of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.events import Events
from search_rerank.data.shop import generate, write_shop
from search_rerank.engines import open_engine
from search_rerank.errors import DataError
from search_rerank.features.table import FeatureTable
from search_rerank.occasions import Occasion
from search_rerank.query import Candidates, Query
from search_rerank.replay import Replayed
from search_rerank.skew.log import FeatureLog, log_folder
from search_rerank.skew.record import Served
from search_rerank.skew.rows import LoggedRows, in_time_order
from search_rerank.training import Shop, as_of, cuts, quiet, spread, tasks, train, training_rows
from search_rerank.workspace import Workspace
from tests.service.conftest import World
from tests.skew.conftest import Logged
from tests.skew.test_future import SIZE
from tests.spine.world import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(built: World) -> Iterator[Shop]:
    workspace = Workspace(built.config)
    engine = open_engine(built.config)
    with workspace.cache() as cache:
        yield workspace.shop(generate(**SIZE).dataset(), engine, cache)
    engine.close()


def occasions(shop: Shop) -> list[Occasion]:
    cut = cuts(shop.events, shop.config.training)
    (found,) = tasks(shop, cut.train, cut.test).values()
    return list(spread(found, shop.config.training.max_rankings))


def as_served(rows: Replayed, **changed: Any) -> list[Served]:
    """Return replayed rankings as if they had been served and logged."""
    made = []
    for group, (start, end) in enumerate(pairwise(rows.table.offsets.tolist())):
        occasion = rows.occasions[group]
        part = slice(start, end)
        lexical, vector, score = (
            rows.table.column(f"query.{name}")[part]
            for name in ("lexical", "vector", "engine_score")
        )
        ids = ids_of(rows.items[part])
        found = Candidates(ids, lexical, vector, score)
        one = Served(
            id=occasion.ranking or f"made-{group}",
            bundle="b1",
            query=occasion.query,
            mark=0,
            personalise=True,
            item=None,
            failed=(),
            candidates=found,
            names=rows.table.names,
            X=rows.table.X[part],
            order=np.arange(len(ids), dtype=np.int32),
            shown=10,
        )
        made.append(replace(one, **changed))
    return made


def ids_of(numbers: np.ndarray) -> list[str]:
    return [f"p{number:05d}" for number in numbers.tolist()]


@pytest.fixture(scope="module")
def replayed(shop: Shop) -> Replayed:
    with as_of(shop, cuts(shop.events, shop.config.training).train) as replay:
        cut = cuts(shop.events, shop.config.training).train
        return training_rows(replay, shop, occasions(shop), cut, quiet)


def rows_of(shop: Shop, served: Sequence[Served], alike: bool = True) -> tuple[LoggedRows, Any]:
    logged = LoggedRows(shop, served, lambda version: alike)
    cut = cuts(shop.events, shop.config.training).train
    with as_of(shop, cut) as replay:
        return logged, logged(replay, shop, occasions(shop), cut, quiet)


def equal(one: Replayed, other: Replayed) -> None:
    np.testing.assert_array_equal(one.table.X, other.table.X)
    np.testing.assert_array_equal(one.table.offsets, other.table.offsets)
    np.testing.assert_array_equal(one.table.engine_rank, other.table.engine_rank)
    np.testing.assert_array_equal(one.gains, other.gains)
    np.testing.assert_array_equal(one.items, other.items)
    assert list(one.missed) == list(other.missed)
    assert list(one.occasions) == list(other.occasions)


def test_what_was_logged_is_taken_and_the_rest_is_replayed(shop: Shop, replayed: Replayed) -> None:
    """Every other ranking was logged, with a mark in one column that replay would not make."""
    served = as_served(replayed)[::2]
    for one in served:
        one.X[:, one.names.index("query.words")] = 99
    logged, rows = rows_of(shop, served)
    n = len(replayed.occasions)
    assert (logged.logged, logged.replayed) == (len(served), n - len(served))
    marked = rows.table.column("query.words")[rows.table.offsets[:-1]] == 99
    assert marked.tolist() == [group % 2 == 0 for group in range(n)]
    for one in served:
        one.X[:, one.names.index("query.words")] = len(one.query.text.split())
    equal(rows_of(shop, served)[1], replayed)


@pytest.mark.parametrize(
    "changed",
    [
        {"failed": ("als",)},
        {"names": ("another",)},
        {"query": Query(now_ms=0)},
        {"id": "nobody's"},
    ],
)
def test_what_is_not_as_today_s_features_is_replayed(
    shop: Shop, replayed: Replayed, changed: dict[str, Any]
) -> None:
    logged, rows = rows_of(shop, as_served(replayed, **changed))
    assert logged.logged == 0
    equal(rows, replayed)


def test_bundles_of_other_settings_are_not_learnt_from(shop: Shop, replayed: Replayed) -> None:
    assert rows_of(shop, as_served(replayed), alike=False)[0].logged == 0


def test_an_answer_that_only_the_feature_log_knows_is_an_occasion(
    shop: Shop, replayed: Replayed
) -> None:
    """The shop's own log names the answer in its interactions, and has no ranking of that id."""
    served = as_served(replayed)
    told = [one for one in shop.dataset.events if isinstance(one, Interaction)]
    bare = replace(
        shop,
        dataset=replace(shop.dataset, events=told),
        events=Events.from_events(told, shop.catalogue.ids),
    )
    asked = LoggedRows(bare, served, lambda version: True).asked()
    assert len(bare.events.rankings) == 0
    assert set(asked.events.rankings.ids) == {one.id for one in served}
    assert set(asked.events.rankings.offsets[1:] - asked.events.rankings.offsets[:-1]) == {10}
    named = {one.ranking for one in occasions(asked)}
    assert {one.id for one in served} <= named


def test_a_ranking_that_the_log_has_is_not_made_again(shop: Shop, replayed: Replayed) -> None:
    asked = LoggedRows(shop, as_served(replayed), lambda version: True).asked()
    assert len(asked.events.rankings) == len(shop.events.rankings)


def test_training_on_the_log_learns_what_replay_learns(shop: Shop, replayed: Replayed) -> None:
    logged = LoggedRows(shop, as_served(replayed), lambda version: True)
    ours = train(logged.asked(), make=logged)[""]["weighted"].fuse(replayed.table)
    theirs = train(shop)[""]["weighted"].fuse(replayed.table)
    np.testing.assert_allclose(ours, theirs)


def test_queries_of_a_protocol_were_served_to_nobody(shop: Shop) -> None:
    public = replace(shop, dataset=replace(shop.dataset, query_items={"shoes": ["p00001"]}))
    with pytest.raises(DataError, match="found a data set with queries of its own; train with"):
        LoggedRows(public, [], lambda version: True)


def test_groups_come_in_time_order_with_all_that_is_theirs() -> None:
    sizes, times = [2, 0, 3], [30, 10, 20]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    X = np.arange(5, dtype=np.float32)[:, None]
    rank = np.array([0, 1, 0, 1, 2], dtype=np.int32)
    rows = Replayed(
        FeatureTable(("a",), X, offsets, rank),
        np.arange(5, dtype=np.float32),
        [[1.0], [2.0], [3.0]],
        [Occasion(Query(now_ms=at), {}) for at in times],
        np.arange(5, dtype=np.int32),
        np.arange(5, dtype=np.int32),
    )
    found = in_time_order(rows)
    assert [one.query.now_ms for one in found.occasions] == [10, 20, 30]
    assert found.table.sizes.tolist() == [0, 3, 2]
    assert found.table.X[:, 0].tolist() == found.gains.tolist() == [2, 3, 4, 0, 1]
    assert found.items.tolist() == found.places.tolist() == [2, 3, 4, 0, 1]
    assert found.table.engine_rank.tolist() == [0, 1, 2, 0, 1]
    assert found.missed == [[2.0], [3.0], [1.0]]


def test_a_click_that_names_an_answer_is_its_label(shop: Shop) -> None:
    ranking = Ranking(id="answer-1", time_ms=1000, session="s", query="hat", items=("p00001",))
    click = Interaction(
        id="c", time_ms=2000, session="s", item="p00001", type="click", ranking="answer-1"
    )
    events = Events.from_events([click, ranking], shop.catalogue.ids)
    (one,) = tasks(replace(shop, events=events), 0, 5000)[""]
    assert (one.ranking, one.query.now_ms, one.query.text) == ("answer-1", 1000, "hat")
    assert dict(one.gains) == {"p00001": 1.0}


def test_the_command_says_how_many_were_taken(
    logged: Logged, replayed: Replayed, tmp_path: Path
) -> None:
    write_shop(generate(**SIZE), tmp_path / "data")
    version = Workspace(logged.config).bundle().version
    log = FeatureLog(log_folder(logged.config), 1.0, 10**8, 4)
    served = as_served(replayed, bundle=version)
    for one in [*served[::2], replace(served[1], bundle="gone")]:
        log.write(one)
    settings = {
        "home": str(logged.config.home),
        "encoder": {"dim": 16},
        "training": logged.config.training.model_dump(exclude_defaults=True),
    }
    line = ("train", "--data", str(tmp_path / "data"), "--no-promote", "--features", "log")
    done = run(settings, tmp_path, *line)
    assert done.exit_code == 0, (done.output, done.exception)
    n, taken = len(served), len(served[::2])
    assert f"rankings learnt from: {taken} as logged, {n - taken} replayed" in done.output
