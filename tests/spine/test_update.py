"""`search-rerank update` on a served shop: what is new shows, once, and can be undone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from search_rerank.bundle import Bundle, load_bundle
from search_rerank.bundles import live_bundle, promote_bundle, rollback_bundle
from search_rerank.commands.update import _tell as tell_update
from search_rerank.config import Config
from search_rerank.data.event import Interaction
from search_rerank.data.history import History
from search_rerank.data.item import Item, parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document
from search_rerank.freshness import Step, Updated, promote_update
from search_rerank.pipeline import Pipeline
from search_rerank.state.opening import open_state
from tests.spine.world import SMALL, World, run

pytestmark = pytest.mark.slow


@pytest.fixture
def config(world: World, tmp_path: Path) -> Config:
    """The trained shop, copied so that it can be changed."""
    shutil.copytree(world.config.home, tmp_path / "home")
    return world.config.model_copy(update={"home": tmp_path / "home"})


def settings(config: Config) -> dict[str, object]:
    return {**SMALL, "home": str(config.home), "engine": {"index": config.engine.index}}


def update(config: Config, *arguments: str) -> str:
    done = run(settings(config), config.home, "update", *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def live(config: Config) -> Bundle:
    folder = live_bundle(config.home / "bundles")
    assert folder is not None
    return load_bundle(folder)


def tell(config: Config, *events: Interaction) -> None:
    with closing(open_state(config)) as state:
        assert state.append(events) == len(events)


def bought(id_: str, user: str, item: str, time_ms: int) -> Interaction:
    return Interaction(id=id_, user=user, item=item, type="purchase", time_ms=time_ms)


def put(config: Config, item: Item) -> None:
    with closing(open_engine(config)) as engine:
        version = next(version for version in engine.versions() if version.live)
        engine.write(version.name, [Document(item)])
        engine.finish(version.name)


def test_nothing_new_writes_nothing(config: Config) -> None:
    before = sorted((config.home / "bundles").iterdir())
    assert update(config) == "nothing new: the bundle stays as it is\n"
    assert sorted((config.home / "bundles").iterdir()) == before


def test_what_is_new_shows_at_once_and_only_once(world: World, config: Config) -> None:
    old = live(config)
    first, second = "new-1", world.made.items[0].id
    put(config, parse_item({"id": first, "title": "brand new thing", "brand": "Novel"}))
    pairs = [
        bought(f"e{n}-{item}", f"new-{n}", item, world.now_ms + 2 * n + place)
        for n in range(6)
        for place, item in enumerate((second, first))
    ]
    tell(config, *pairs)
    output = update(config)
    assert output.startswith("12 new interactions; 1 new items\n")
    new = live(config)
    assert output.splitlines()[-1].startswith(
        f"bundle {new.version}, an update of {old.version}, in "
    )
    assert new.learnt is not None and old.learnt is not None
    assert new.learnt.parent == old.version
    assert new.learnt.interactions == old.learnt.interactions + 12
    assert new.learnt.until_ms == world.now_ms + 12
    assert new.learnt.fusions_until_ms == old.learnt.fusions_until_ms is not None
    assert new.features == old.features
    n = len(old.catalogue)
    assert new.catalogue.ids.ids() == [*old.catalogue.ids.ids(), first]
    history = History.of([old.catalogue.ids.number(second)], now_ms=world.now_ms + 100)
    asked = np.array([n], dtype=np.int32)
    for scorer in old.scorers:
        assert np.isnan(scorer.score(history, asked)).all(), scorer.name
    for scorer in new.scorers:
        assert np.isfinite(scorer.score(history, asked)).all(), scorer.name
    (knn,) = [scorer for scorer in new.scorers if scorer.name == "item_knn"]
    # Six shoppers bought both, just now: each pair counts the product of two purchases.
    assert knn.score(history, asked)[0] == pytest.approx(6 * 3 * 3, rel=1e-4)
    assert update(config) == "nothing new: the bundle stays as it is\n"


def test_what_was_done_stands_below_each_other(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [Step("category_popularity", "updated", 0.1), Step("als", "kept", 0.1)]
    tell_update(Updated(live(config), 1, 0, 0, 0, steps))
    long, short = capsys.readouterr().out.splitlines()[1:]
    assert long.index("updated") == short.index("kept") == len("  category_popularity ")


def test_late_interactions_count_too(world: World, config: Config) -> None:
    tell(config, bought("late", "u00000", world.made.items[3].id, world.now_ms - 10**9))
    assert update(config).startswith("1 new interactions, 1 of them late; 0 new items\n")
    assert update(config) == "nothing new: the bundle stays as it is\n"


def test_items_that_nobody_knows_wait(world: World, config: Config) -> None:
    tell(config, bought("e1", "u00000", "elsewhere", world.now_ms))
    waiting = "1 interactions wait: neither the bundle nor the index knows their item\n"
    assert update(config) == waiting + "nothing new: the bundle stays as it is\n"
    tell(config, bought("e2", "u00000", world.made.items[0].id, world.now_ms + 5))
    assert "1 new interactions; 0 new items" in update(config)
    put(config, parse_item({"id": "elsewhere", "title": "at last"}))
    assert update(config).startswith("1 new interactions, 1 of them late; 1 new items\n")


def test_without_promotion_the_parent_serves_on(world: World, config: Config) -> None:
    before = live(config).version
    tell(config, bought("e1", "u00000", world.made.items[0].id, world.now_ms))
    output = update(config, "--no-promote")
    assert "live" not in output
    assert live(config).version == before


def test_a_log_and_a_catalogue_may_be_given(world: World, config: Config, tmp_path: Path) -> None:
    given = tmp_path / "more"
    given.mkdir()
    (given / "catalogue.jsonl").write_text('{"id": "given", "title": "given thing"}\n')
    (given / "events.jsonl").write_text(
        '{"event": "interaction", "id": "g1", "user": "u00001", "item": "given", "type": "click", '
        f'"timestamp": {world.now_ms}}}\n'
    )
    assert "1 new interactions; 1 new items" in update(config, "--data", str(given))
    output = update(config, "--data", str(given / "events.jsonl"))
    assert output.splitlines()[-1] == "nothing new: the bundle stays as it is"
    assert "0 interactions are new to it" in output


@pytest.fixture
def serving(world: World, config: Config) -> Iterator[Pipeline]:
    pipeline = Pipeline.open(config, world.state())
    yield pipeline
    pipeline.close()


def test_a_worker_takes_it_up_and_its_parent_again(
    world: World, config: Config, serving: Pipeline
) -> None:
    parent = serving.bundle_version
    tell(config, bought("e1", "u00000", world.made.items[0].id, world.now_ms))
    update(config)
    assert serving.reload_if_changed()
    assert serving.bundle_version == live(config).version != parent
    assert serving.search(world.query("shoes", "u00000")).degraded == []
    assert rollback_bundle(config.home / "bundles") == parent
    assert serving.reload_if_changed()
    assert serving.bundle_version == parent


def test_a_rollback_undoes_an_update(world: World, config: Config) -> None:
    parent = live(config).version
    tell(config, bought("e1", "u00000", world.made.items[0].id, world.now_ms))
    update(config)
    done = run(settings(config), config.home, "bundles", "rollback")
    assert done.output == f"bundle {parent} is live again\n"
    assert live(config).version == parent


def test_of_many_updates_the_last_and_its_parent_stay(world: World, config: Config) -> None:
    names = [live(config).version]
    for n in range(4):
        tell(config, bought(f"e{n}", "u00000", world.made.items[n].id, world.now_ms + n))
        update(config)
        names.append(live(config).version)
    kept = {folder.name for folder in (config.home / "bundles").iterdir() if folder.is_dir()}
    assert kept == {names[0], names[3], names[4]}
    done = run(settings(config), config.home, "bundles", "rollback")
    assert done.output == f"bundle {names[3]} is live again\n"


def test_a_training_that_ended_meanwhile_stays_live(world: World, config: Config) -> None:
    folder = config.home / "bundles"
    parent = live(config).version
    shutil.copytree(folder / str(parent), folder / "trained")
    promote_bundle(folder, "trained")
    assert not promote_update(folder, str(parent), parent)
    assert live_bundle(folder) == folder / "trained"
    assert promote_update(folder, "trained", parent)  # made twice, side by side


def test_a_state_that_lost_its_log_is_refused(config: Config) -> None:
    for file in config.home.glob("state.sqlite3*"):
        file.unlink()
    done = run(settings(config), config.home, "update")
    assert done.exit_code == 1
    assert "that bundle" in done.output and "found 0; give their log with --data" in done.output
