from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from index_tools.checkpoints import Checkpoints
from index_tools.cli import index
from index_tools.load import load
from index_tools.versions import promote, prune, rollback, status
from search_rerank.config import Config, LoadConfig
from search_rerank.engines.base import Engine, IndexSchema
from search_rerank.errors import EngineError
from tests.index_tools.conftest import ON_BOTH

Write = Callable[..., Path]
pytestmark = [ON_BOTH, pytest.mark.slow]


@pytest.fixture
def versions(config: Config, engine: Engine, catalogue: Write) -> list[str]:
    """Three versions, oldest first; the second is live, the first was before it."""
    names = [load(config, catalogue(), engine, promote=n < 2).version for n in range(3)]
    return names


def live(config: Config, engine: Engine) -> list[str]:
    return [state.version.name for state in status(config, engine) if state.version.live]


def test_promote_takes_the_newest_or_the_one_named(
    config: Config, engine: Engine, versions: list[str]
) -> None:
    assert live(config, engine) == [versions[1]]
    assert promote(config, engine) == versions[2]
    assert live(config, engine) == [versions[2]]
    assert promote(config, engine, versions[0]) == versions[0]
    assert live(config, engine) == [versions[0]]


def test_rollback_goes_back(config: Config, engine: Engine, versions: list[str]) -> None:
    assert rollback(engine) == versions[0]
    assert live(config, engine) == [versions[0]]


def test_what_an_interrupted_load_left_is_not_promoted(
    config: Config, engine: Engine, versions: list[str]
) -> None:
    left = engine.create(IndexSchema(8, "hashing-x"))
    engine.finish(left)
    assert promote(config, engine) == versions[2]
    with pytest.raises(EngineError, match=f"{left} is not loaded to its end"):
        promote(config, engine, left)
    assert live(config, engine) == [versions[2]]


def test_unknown_and_missing_versions_are_errors(config: Config, engine: Engine) -> None:
    with pytest.raises(EngineError, match="no version to promote: the index has no version"):
        promote(config, engine)
    with pytest.raises(EngineError, match="no version 'shop-v0009' to promote"):
        promote(config, engine, "shop-v0009")
    with pytest.raises(EngineError, match="nothing to roll back to"):
        rollback(engine)


@pytest.mark.parametrize(("keep", "left"), [(0, [0, 1]), (1, [0, 1, 3]), (2, [0, 1, 2, 3])])
def test_prune_keeps_the_live_one_the_one_before_and_the_newest_others(
    config: Config,
    engine: Engine,
    catalogue: Write,
    versions: list[str],
    keep: int,
    left: list[int],
) -> None:
    versions.append(load(config, catalogue(), engine).version)
    gone = prune(config, engine, keep)
    expected = [versions[n] for n in left]
    assert sorted(state.version.name for state in status(config, engine)) == expected
    assert sorted(gone) == sorted(set(versions) - set(expected))
    records = {path.stem for path in (config.home / "loads").iterdir()}
    assert records == set(expected)


def test_prune_refuses_a_negative_number(config: Config, engine: Engine) -> None:
    with pytest.raises(EngineError, match="keep: expected 0 or more, found -1"):
        prune(config, engine, -1)


def test_prune_leaves_a_load_alone_until_it_is_known_not_to_run(
    config: Config, engine: Engine, catalogue: Write, versions: list[str]
) -> None:
    def look(what: str, done: int, total: int) -> None:
        if what == "write":
            assert prune(config, engine, 0, stale_loads=True) == [versions[2]]
            raise KeyboardInterrupt

    often = config.model_copy(update={"load": LoadConfig(checkpoint=100)})
    rows = [{"id": f"S{n}", "title": f"soap {n}"} for n in range(200)]
    with pytest.raises(KeyboardInterrupt):
        load(often, catalogue(rows), engine, batch=100, progress=look)
    left = engine.versions()[0].name
    assert left not in versions
    assert prune(config, engine, 0) == []
    assert prune(config, engine, 0, stale_loads=True) == [left]


def test_a_load_that_no_longer_runs_is_told_from_one_that_does(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    running = []

    def look(what: str, done: int, total: int) -> None:
        if what == "write":
            [state] = status(config, engine)
            running.append((state.version.loading, state.stopped))
            if done == 200:
                raise KeyboardInterrupt

    often = config.model_copy(update={"load": LoadConfig(checkpoint=100)})
    file = catalogue([{"id": f"S{n}", "title": f"soap {n}"} for n in range(300)])
    with pytest.raises(KeyboardInterrupt):
        load(often, file, engine, batch=100, progress=look)
    assert running == [(True, None)] * 2
    [state] = status(config, engine)
    assert (state.version.loading, state.stopped, state.file) == (True, 200, str(file))
    said = CliRunner().invoke(index, ["status"], obj=config).output
    assert "  stopped\n" in said
    assert (
        f"stopped with 200 items written for good: go on with the same `index load` of {file}"
        in said
    )

    load(often, file, engine)
    [state] = status(config, engine)
    assert (state.stopped, state.verified) == (None, True)


def test_what_a_load_of_standard_input_left_cannot_go_on(config: Config, engine: Engine) -> None:
    here, elsewhere = (engine.create(IndexSchema(0, "none")) for _ in range(2))
    with Checkpoints(config.home).held(here):
        pass
    found = {state.version.name: (state.stopped, state.file) for state in status(config, engine)}
    assert found == {here: (0, None), elsewhere: (None, None)}
    said = CliRunner().invoke(index, ["status"], obj=config).output
    assert "stopped with 0 items written for good: delete it with" in said
    assert said.count("loading") == said.count("  stopped\n") == 1
