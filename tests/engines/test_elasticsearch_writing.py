"""What is special to writing on a server: several processes at once, and what they must not see."""

import threading
from typing import Any

import elasticsearch as es
import numpy as np
import pytest

from search_rerank.engines.base import (
    CONFLICT,
    UNCHANGED,
    WRITTEN,
    Document,
    Engine,
    Retrieve,
    live_version,
)
from search_rerank.engines.elasticsearch import versions as versions_module
from search_rerank.engines.elasticsearch import writing as writing_module
from search_rerank.errors import EngineError
from tests.engines.conftest import ES_URL
from tests.engines.contract import Open
from tests.engines.contract_writing import EAST, SCHEMA, WritingContract, cup, delete, titles, write

pytestmark = pytest.mark.elasticsearch


@pytest.fixture
def open_(elastic: Open) -> Open:
    return elastic


class TestElasticsearchWriting(WritingContract):
    pass


@pytest.fixture
def engine(open_: Open) -> Engine:
    return open_()


@pytest.fixture
def live(engine: Engine) -> str:
    version = engine.create(SCHEMA)
    engine.seal(version)
    engine.promote(version)
    return version


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    import os

    with es.Elasticsearch(os.environ[ES_URL]) as client:
        yield client


def in_threads(*works: Any) -> None:
    failures: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# several processes


def test_patches_of_one_item_by_several_are_all_kept(open_: Open, live: str) -> None:
    """Each adds its own attribute to what it has read; a lost update would lose one."""

    def patching(name: str) -> Any:
        engine = open_()

        def work() -> None:
            for n in range(5):
                while True:
                    engine.finish(live)
                    [stored] = engine.lookup(["a"], live)
                    assert stored is not None
                    attributes = stored.item.attributes | {f"{name}{n}": True}
                    item = stored.item.model_copy(update={"attributes": attributes})
                    outcome = write(engine, live, item, replaces=stored.content_hash)
                    if outcome == WRITTEN:
                        break
                    assert outcome == CONFLICT

        return work

    engine = open_()
    write(engine, live, cup("x"))
    in_threads(patching("p"), patching("q"))
    engine.finish(live)
    [stored] = engine.lookup(["a"], live)
    assert stored is not None
    assert set(stored.item.attributes) == {f"{name}{n}" for name in "pq" for n in range(5)}


def test_the_newest_of_all_writers_stays(open_: Open, engine: Engine) -> None:
    version = engine.create(SCHEMA)
    ids = [f"i{n}" for n in range(30)]

    def writing(first: int) -> Any:
        engine = open_()

        def work() -> None:
            for revision in range(first, 12, 3):
                order = np.random.default_rng(revision).permutation(ids)
                rows = [Document(cup(f"r{revision}", id_), revision=revision) for id_ in order]
                assert {o.status for o in engine.write(version, rows)} <= {"written", "stale"}

        return work

    in_threads(writing(0), writing(1), writing(2))
    engine.seal(version)
    assert titles(engine, version, *ids) == ["r11"] * 30


def test_searches_go_on_while_items_change(open_: Open, engine: Engine, live: str) -> None:
    engine.write(live, [Document(cup(f"cup {n}", f"i{n}"), EAST) for n in range(50)])
    engine.finish(live)
    done = threading.Event()
    reader = open_()

    def changing() -> None:
        try:
            for turn in range(10):
                rows = [Document(cup(f"cup {n} {turn}", f"i{n}"), EAST) for n in range(0, 50, 2)]
                assert set(engine.write(live, rows)) == {WRITTEN}
                engine.delete(live, [f"i{n}" for n in range(1, 10, 2)])
                engine.finish(live)
        finally:
            done.set()

    def searching() -> None:
        while not done.is_set():
            found = reader.retrieve(Retrieve("cup", EAST, k=100))
            assert {f"i{n}" for n in range(0, 50, 2)} <= set(found.ids)

    in_threads(changing, searching)
    assert engine.count() == 45


def test_too_many_conflicts_end(engine: Engine, live: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(engine, live, cup("x"))
    old = writing_module.Writing._found(engine._writing, engine._versions.get(live), ["a"])  # type: ignore[attr-defined]
    write(engine, live, cup("y"))
    monkeypatch.setattr(writing_module.Writing, "_found", lambda *_: dict(old))
    for call in (lambda: write(engine, live, cup("z")), lambda: engine.delete(live, ["a"])):
        with pytest.raises(EngineError, match="1 items, such as 'a', are written by other"):
            call()
    monkeypatch.undo()
    engine.finish(live)
    assert titles(engine, live, "a") == ["y"]


# what is stored


def test_a_revision_that_advances_keeps_the_vector(engine: Engine, live: str) -> None:
    write(engine, live, cup("x"), vector=EAST, boost=1.5, revision=1)
    assert write(engine, live, cup("x"), revision=2) == UNCHANGED
    engine.finish(live)
    found = engine.retrieve(Retrieve("x", EAST), live)
    assert (found.ids, found.vector.tolist()) == (["a"], pytest.approx([1.0]))
    [stored] = engine.lookup(["a"], live)
    assert stored is not None and stored.vector is not None


def test_the_server_refuses_an_item_and_its_neighbours_are_written(
    engine: Engine, live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = writing_module.source

    def source(document: Document, schema: Any) -> dict[str, Any]:
        entry = true(document, schema)
        return entry | {"colour": "red"} if document.item.id == "b" else entry

    monkeypatch.setattr(writing_module, "source", source)
    outcomes = engine.write(live, [Document(cup("x", id_)) for id_ in "abc"])
    assert [outcome.status for outcome in outcomes] == ["written", "refused", "written"]
    assert "[colour]" in (outcomes[1].reason or "")


# notes of removals


def test_notes_of_removals_are_never_seen(engine: Engine, client: Any) -> None:
    version = engine.create(SCHEMA)
    engine.delete(version, ["a", "b", "c"], 10)
    engine.finish(version)
    assert client.count(index=version)["count"] == 3
    assert engine.count(version) == 0
    assert [found.count for found in engine.versions()] == [0]
    browsed = engine.retrieve(Retrieve("", EAST), version)
    assert (browsed.ids, browsed.total) == ([], 0)
    write(engine, version, cup("x", "d"), vector=EAST)
    engine.finish(version)
    for request in (Retrieve(""), Retrieve("x"), Retrieve("a"), Retrieve("zzz", EAST)):
        found = engine.retrieve(request, version)
        assert set(found.ids) <= {"d"}
        assert found.total <= 1
    assert engine.score(Retrieve(""), ["a", "d"], version).ids == ["d"]
    assert titles(engine, version, "a", "d") == [None, "x"]
    assert list(engine.hashes(["a"], version)) == [None]
    engine.seal(version)
    assert client.count(index=version)["count"] == 1


def test_many_notes_go_when_the_version_is_sealed(
    engine: Engine, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "_READ", 7)
    version = engine.create(SCHEMA)
    engine.delete(version, [f"i{n}" for n in range(30)], 10)
    engine.seal(version)
    assert client.count(index=version)["count"] == 0


def test_a_removal_that_comes_while_the_version_is_sealed(
    open_: Open, engine: Engine, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process still takes it for loading; its note must not stay."""
    monkeypatch.setattr(versions_module, "FRESH_S", 60.0)
    version, other = engine.create(SCHEMA), open_()
    assert other.count(version) == 0  # by now it knows the version, as loading
    engine.seal(version)
    assert delete(other, version, "a", 10) == UNCHANGED
    engine.finish(version)
    assert client.count(index=version)["count"] == 0


# versions


def test_a_name_never_returns_while_there_is_a_version(engine: Engine, live: str) -> None:
    second = engine.create(SCHEMA)
    engine.drop(second)
    third = engine.create(SCHEMA)
    assert third.endswith("-v0003")
    engine.drop(third)
    assert engine.create(SCHEMA).endswith("-v0004")
    assert [version.live for version in engine.versions()] == [False, True]


def test_a_dropped_version_is_not_made_anew_by_a_write(
    open_: Open, engine: Engine, live: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions_module, "FRESH_S", 60.0)
    version, late = engine.create(SCHEMA), open_()
    assert late.count(version) == 0
    engine.drop(version)
    with pytest.raises(EngineError, match="no version"):
        late.write(version, [Document(cup("x"))])
    assert not client.indices.exists(index=version)


def test_promotions_at_the_same_moment_leave_one_live(open_: Open, engine: Engine) -> None:
    names = [engine.create(SCHEMA) for _ in range(4)]
    for name in names:
        engine.seal(name)
    engine.promote(names[0])
    engines = [open_() for _ in names[1:]]
    for _ in range(3):
        in_threads(
            *[lambda e=e, n=n: e.promote(n) for e, n in zip(engines, names[1:], strict=True)]
        )
        assert sum(version.live for version in engine.versions()) == 1
        assert sum(version.previous for version in engine.versions()) == 1
    found = live_version(engine)
    assert found is not None
    assert engine.rollback() != found.name


def test_a_sealed_version_is_read_as_it_changes(engine: Engine, client: Any) -> None:
    version = engine.create(SCHEMA)
    settings = client.indices.get_settings(index=version)[version]["settings"]["index"]
    assert settings["refresh_interval"] == "-1"
    engine.seal(version)
    settings = client.indices.get_settings(index=version)[version]["settings"]["index"]
    assert settings["refresh_interval"] == "1s"
    assert (settings["number_of_shards"], settings["auto_expand_replicas"]) == ("1", "0-1")
