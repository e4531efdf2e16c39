"""Several processes at one embedded index: they wait, they lose nothing, they may be killed."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.pool import ApplyResult
from pathlib import Path

import numpy as np
import pytest

from search_rerank.config import Config, EngineConfig, IndexConfig
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.errors import EngineError

pytestmark = pytest.mark.slow  # real waiting and real processes

PROCESSES = multiprocessing.get_context("spawn")
SCHEMA = IndexSchema(8, "random")


def config(home: Path, timeout_s: float = 10.0, quantise_above: int = 50_000) -> Config:
    return Config(
        home=home,
        engine=EngineConfig(timeout_s=timeout_s),
        index=IndexConfig(quantise_above=quantise_above),
    )


def document(n: int, word: str, revision: int) -> Document:
    """An item whose vector and words both follow from its number and a word."""
    rng = np.random.default_rng([n, revision])
    vector = rng.normal(size=8).astype(np.float32)
    item = parse_item({"id": f"i{n}", "title": f"{word} w{n}"})
    return Document(item, vector / np.linalg.norm(vector), revision=revision)


def agrees(engine: Engine, version: str, n: int) -> int:
    """Return the revision that words, vector and item of a number all have."""
    [stored] = engine.lookup([f"i{n}"], version)
    assert stored is not None and stored.vector is not None
    word = stored.item.title.split()[0]
    revision = int(word[3:])
    wanted = document(n, word, revision).vector
    assert wanted is not None
    np.testing.assert_allclose(stored.vector, wanted, atol=1e-6)
    found = engine.retrieve(Retrieve(f"w{n}", wanted), version)
    assert found.ids[0] == f"i{n}"
    assert found.lexical[0] > 0
    assert found.vector[0] == pytest.approx(1.0, abs=1e-5)
    assert engine.retrieve(Retrieve(f"{word} w{n}"), version).ids[0] == f"i{n}"
    return revision


def write_later(home: Path, version: str, timeout_s: float) -> str:
    engine = open_engine(config(home, timeout_s))
    try:
        engine.write(version, [document(0, "rev2", 2)])
        engine.finish(version)
        return "written"
    except EngineError as error:
        return str(error)
    finally:
        engine.close()


def test_a_write_waits_for_another_process_for_a_bounded_time(tmp_path: Path) -> None:
    engine = open_engine(config(tmp_path))
    version = engine.create(SCHEMA)
    engine.seal(version)
    engine.write(version, [document(0, "rev1", 1)])
    with PROCESSES.Pool(1) as pool:
        refused = pool.apply(write_later, (tmp_path, version, 0.05))
        assert f"{version} is being written by another process (pid {os.getpid()})" in refused
        waiting: ApplyResult[str] = pool.apply_async(write_later, (tmp_path, version, 10.0))
        time.sleep(0.1)
        engine.finish(version)
        assert waiting.get(30) == "written"
    assert agrees(engine, version, 0) == 2
    engine.close()


def hammer(home: Path, versions: list[str], first: int, rounds: int) -> int:
    """Change some items in all versions again and again, as a service does while one is loaded."""
    engine = open_engine(config(home))
    for revision in range(1, rounds + 1):
        for version in versions:
            changes = [document(n, f"rev{revision}", revision) for n in range(first, first + 5)]
            assert {o.status for o in engine.write(version, changes)} == {"written"}
            engine.delete(version, [f"i{first + 5}"], revision)
            engine.finish(version)
    engine.close()
    return rounds


def test_changes_during_a_load_reach_both_versions(tmp_path: Path) -> None:
    """Two processes hammer while a third loads, finishes and seals: nothing falls between."""
    engine = open_engine(config(tmp_path, quantise_above=50))
    everything = [document(n, "rev0", 0) for n in range(100)]
    live = engine.create(SCHEMA)
    engine.write(live, everything)
    engine.seal(live)
    engine.promote(live)
    loading = engine.create(SCHEMA)
    rounds = 12
    with PROCESSES.Pool(2) as pool:
        others = [
            pool.apply_async(hammer, (tmp_path, [live, loading], first, rounds))
            for first in (0, 50)
        ]
        while not any(other.ready() for other in others) and engine.count(live) == 100:
            time.sleep(0.01)  # until they have begun
        for start in range(0, 100, 10):
            engine.write(loading, everything[start : start + 10])
            time.sleep(0.02)
            if start % 30 == 0:
                engine.finish(loading)
        engine.seal(loading)
        assert [other.get(120) for other in others] == [rounds, rounds]
    engine.promote(loading)
    for version in (live, loading):
        assert engine.count(version) == 98
        revisions = [agrees(engine, version, n) for n in range(100) if n not in (5, 55)]
        changed = {0, 1, 2, 3, 4, 50, 51, 52, 53, 54}
        expected = [rounds if n in changed else 0 for n in range(100) if n not in (5, 55)]
        assert revisions == expected
        assert list(engine.lookup(["i5", "i55"], version)) == [None, None]
    engine.close()


def write_until_killed(home: Path, version: str, said: Path) -> None:
    """Write all items again and again, and note each state after it is finished."""
    engine = open_engine(config(home, quantise_above=30))
    begin = int(said.read_text()) + 1
    for revision in range(begin, begin + 1000):
        engine.write(version, [document(n, f"rev{revision}", revision) for n in range(40)])
        engine.write(version, [document(1000 + revision, f"rev{revision}", revision)])
        engine.finish(version)
        part = said.with_suffix(".part")
        part.write_text(str(revision))
        part.rename(said)


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [True, False])
def test_a_writer_may_be_killed_at_any_moment(tmp_path: Path, sealed: bool) -> None:
    rng = random.Random(7)
    said = tmp_path / "said"
    said.write_text("0")
    engine = open_engine(config(tmp_path, quantise_above=30))
    version = engine.create(SCHEMA)
    engine.write(version, [document(n, "rev0", 0) for n in range(40)])
    engine.finish(version)
    if sealed:
        engine.seal(version)
    engine.close()
    for _ in range(8):
        before = int(said.read_text())
        process = PROCESSES.Process(target=write_until_killed, args=(tmp_path, version, said))
        process.start()
        while int(said.read_text()) < before + 2:
            assert process.is_alive() or process.exitcode is None, "it could not write again"
            time.sleep(0.005)
        time.sleep(rng.random() * 0.2)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        finished = int(said.read_text())
        reader = open_engine(config(tmp_path, quantise_above=30))
        # It was killed after it finished a state and before it said so, or it was not.
        revisions = {agrees(reader, version, n) for n in range(40)}
        assert len(revisions) == 1 and revisions <= {finished, finished + 1}
        state = revisions.pop()
        for revision in range(1, state + 1):
            assert agrees(reader, version, 1000 + revision) == revision
        assert reader.count(version) == 40 + state
        reader.close()
        said.write_text(str(state))
