"""What every engine must do when it is written to; inherited like `contract.EngineContract`.

The order in which a document is judged: refused, earlier of several with one id (stale), older
than what is stored or than its removal (stale), made from another (conflict), the same (unchanged).
"""

import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.data.item import Item, parse_item
from search_rerank.engines.base import (
    CONFLICT,
    STALE,
    UNCHANGED,
    WRITTEN,
    Document,
    Engine,
    IndexSchema,
    Outcome,
    Retrieve,
)
from search_rerank.errors import EngineError
from tests.engines.contract import Open

SCHEMA = IndexSchema(2, "two-d")
EAST = np.array([1.0, 0.0], dtype=np.float32)


def cup(title: str, id_: str = "a") -> Item:
    return parse_item({"id": id_, "title": title})


def write(engine: Engine, version: str, item: Item, **how: Any) -> Outcome:
    [outcome] = engine.write(version, [Document(item, **how)])
    return outcome


def delete(engine: Engine, version: str, id_: str, revision: int) -> Outcome:
    [outcome] = engine.delete(version, [id_], revision)
    return outcome


def titles(engine: Engine, version: str, *ids: str) -> list[str | None]:
    items = list(engine.items(ids, version))
    assert items == [stored and stored.item for stored in engine.lookup(ids, version)]
    return [item and item.title for item in items]


class WritingContract:
    @pytest.fixture
    def engine(self, open_: Open) -> Engine:
        return open_()

    @pytest.fixture
    def loading(self, engine: Engine) -> str:
        return engine.create(SCHEMA)

    @pytest.fixture
    def live(self, engine: Engine) -> str:
        version = engine.create(SCHEMA)
        engine.seal(version)
        engine.promote(version)
        return version

    # revisions

    @pytest.mark.parametrize("sealed", [False, True])
    def test_an_older_state_never_replaces_a_newer_one(
        self, engine: Engine, loading: str, sealed: bool
    ) -> None:
        if sealed:
            engine.seal(loading)
        assert write(engine, loading, cup("second"), revision=20) == WRITTEN
        assert write(engine, loading, cup("first"), revision=10) == STALE
        engine.finish(loading)
        assert titles(engine, loading, "a") == ["second"]
        assert write(engine, loading, cup("first"), revision=19) == STALE
        assert write(engine, loading, cup("corrected"), revision=20) == WRITTEN
        assert write(engine, loading, cup("third"), revision=30) == WRITTEN
        engine.finish(loading)
        assert titles(engine, loading, "a") == ["third"]
        assert engine.retrieve(Retrieve("second corrected"), loading).ids == []
        assert engine.retrieve(Retrieve("third"), loading).ids == ["a"]

    def test_the_same_is_unchanged_and_its_revision_advances(
        self, engine: Engine, live: str
    ) -> None:
        assert write(engine, live, cup("x"), boost=1.5, revision=10) == WRITTEN
        assert write(engine, live, cup("x"), boost=1.5, revision=10) == UNCHANGED
        assert write(engine, live, cup("x"), revision=20) == UNCHANGED
        engine.finish(live)
        assert write(engine, live, cup("y"), revision=15) == STALE
        assert write(engine, live, cup("x"), revision=15) == STALE
        assert write(engine, live, cup("x"), boost=2.0, revision=20) == WRITTEN
        engine.finish(live)
        assert engine.count(live) == 1

    def test_without_a_boost_the_stored_one_stays(self, engine: Engine, live: str) -> None:
        write(engine, live, cup("plain cup", "a"), boost=2.0)
        write(engine, live, cup("plain cup", "b"), boost=1.5)
        write(engine, live, cup("plain cup", "c"))
        write(engine, live, cup("plain cup", "d"), boost=1.2)
        engine.finish(live)
        write(engine, live, cup("a plain cup", "a"))
        engine.finish(live)
        assert engine.retrieve(Retrieve("", k=9), live).ids == ["a", "b", "d", "c"]
        assert write(engine, live, cup("plain cup", "c"), boost=1.0) == UNCHANGED

    def test_what_was_made_from_another_state_is_a_conflict(
        self, engine: Engine, live: str
    ) -> None:
        first, second = cup("first"), cup("second")
        assert write(engine, live, first, replaces=first.content_hash()) == CONFLICT
        assert write(engine, live, first) == WRITTEN
        assert write(engine, live, second, replaces=second.content_hash()) == CONFLICT
        assert write(engine, live, second, replaces=first.content_hash()) == WRITTEN
        assert write(engine, live, second, replaces=first.content_hash()) == CONFLICT
        engine.finish(live)
        assert titles(engine, live, "a") == ["second"]
        engine.delete(live, ["a"])
        assert write(engine, live, first, replaces=second.content_hash()) == CONFLICT
        engine.finish(live)
        assert engine.count(live) == 0

    def test_outcomes_stand_in_the_order_of_the_documents(self, engine: Engine, live: str) -> None:
        write(engine, live, cup("same", "s"), revision=5)
        write(engine, live, cup("newer", "n"), revision=5)
        engine.finish(live)
        bad = Document(cup("x", "r"), boost=0.5)
        outcomes = engine.write(
            live,
            [
                Document(cup("older", "n"), revision=4),
                bad,
                Document(cup("first", "m")),
                Document(cup("same", "s"), revision=6),
                Document(cup("x", "k"), replaces="0" * 32),
                Document(cup("last", "m"), EAST),
            ],
        )
        assert [o.status for o in outcomes] == [
            "stale", "refused", "stale", "unchanged", "conflict", "written",
        ]  # fmt: skip
        engine.finish(live)
        assert titles(engine, live, "n", "r", "m", "s", "k") == [
            "newer", None, "last", "same", None,
        ]  # fmt: skip
        assert list(engine.write(live, [])) == []

    def test_the_last_that_is_not_refused_counts(self, engine: Engine, live: str) -> None:
        good, bad = Document(cup("good")), Document(cup("bad"), boost=0.5)
        assert [o.status for o in engine.write(live, [good, bad])] == ["written", "refused"]
        engine.finish(live)
        assert titles(engine, live, "a") == ["good"]

    # removal

    def test_removal_has_revisions(self, engine: Engine, live: str) -> None:
        write(engine, live, cup("x"), revision=10)
        assert delete(engine, live, "a", 9) == STALE
        assert delete(engine, live, "not there", 9) == UNCHANGED
        assert delete(engine, live, "a", 10) == WRITTEN
        assert delete(engine, live, "a", 10) == UNCHANGED
        engine.finish(live)
        assert engine.count(live) == 0

    def test_one_id_removed_twice_in_a_call(self, engine: Engine, live: str) -> None:
        write(engine, live, cup("x"))
        assert list(engine.delete(live, ["a", "b", "a"])) == [WRITTEN, UNCHANGED, UNCHANGED]
        assert list(engine.delete(live, [])) == []

    def test_what_was_removed_during_a_load_stays_out(self, engine: Engine, loading: str) -> None:
        assert delete(engine, loading, "a", 10) == UNCHANGED
        write(engine, loading, cup("x", "b"), revision=5)
        assert delete(engine, loading, "b", 10) == WRITTEN
        engine.finish(loading)
        for id_ in ("a", "b"):
            assert write(engine, loading, cup("older", id_), revision=9) == STALE
        assert delete(engine, loading, "a", 8) == UNCHANGED  # and takes nothing back
        assert write(engine, loading, cup("older"), revision=9) == STALE
        assert write(engine, loading, cup("newer", "b"), revision=11) == WRITTEN
        engine.finish(loading)
        engine.seal(loading)
        assert engine.count(loading) == 1
        assert titles(engine, loading, "a", "b") == [None, "newer"]
        assert engine.retrieve(Retrieve(""), loading).ids == ["b"]
        assert list(engine.hashes(["a"], loading)) == [None]

    # loading

    def test_a_version_is_loading_until_it_is_sealed(self, engine: Engine, live: str) -> None:
        version = engine.create(SCHEMA, expected=10)
        engine.finish(version)
        states = {v.name: (v.live, v.previous, v.loading) for v in engine.versions()}
        assert states == {live: (True, False, False), version: (False, False, True)}
        with pytest.raises(EngineError, match=f"{version} is still being loaded: .*seal"):
            engine.promote(version)
        engine.seal(version)
        engine.seal(version)
        engine.promote(version)
        states = {v.name: (v.live, v.previous, v.loading) for v in engine.versions()}
        assert states == {live: (False, True, False), version: (True, False, False)}

    def test_a_load_does_not_block_changes_of_the_live_version(
        self, open_: Open, engine: Engine, live: str
    ) -> None:
        loader, version = engine, engine.create(SCHEMA)
        write(loader, version, cup("loaded"))
        other = open_()
        assert write(other, live, cup("changed")) == WRITTEN
        other.finish(live)
        assert titles(other, live, "a") == ["changed"]
        loader.seal(version)
        assert titles(other, version, "a") == ["loaded"]

    def test_changes_from_elsewhere_reach_a_version_being_loaded(
        self, open_: Open, engine: Engine, loading: str
    ) -> None:
        write(engine, loading, cup("loaded", "a"), revision=10)
        write(engine, loading, cup("loaded", "b"), revision=10)
        write(engine, loading, cup("loaded", "c"), revision=10, boost=1.7)
        write(engine, loading, cup("loaded", "d"), revision=10)
        other = open_()
        refused = other.write(loading, [Document(cup("x", "e"), boost=0.5)])
        assert [outcome.status for outcome in refused] == ["refused"]
        write(other, loading, cup("changed", "a"), revision=20, vector=EAST)
        write(other, loading, cup("older", "b"), revision=9)
        write(other, loading, cup("changed", "c"), revision=20)
        other.delete(loading, ["d", "later"], 20)
        other.finish(loading)
        write(engine, loading, cup("loaded", "later"), revision=10)
        engine.seal(loading)
        expected = ["changed", "loaded", "changed", None, None]
        for reader in (engine, other):
            assert titles(reader, loading, "a", "b", "c", "d", "later") == expected
        assert engine.retrieve(Retrieve("changed"), loading).ids == ["c", "a"]
        stored = engine.lookup(["a"], loading)[0]
        assert stored is not None and stored.vector is not None
        assert stored.vector.tolist() == [1.0, 0.0]

    def test_after_sealing_changes_from_elsewhere_are_there_at_once(
        self, open_: Open, engine: Engine, loading: str
    ) -> None:
        write(engine, loading, cup("loaded"))
        other = open_()
        write(other, loading, cup("changed"))
        engine.seal(loading)
        assert write(other, loading, cup("changed")) == UNCHANGED
        assert write(other, loading, cup("again")) == WRITTEN
        other.finish(loading)
        assert titles(engine, loading, "a") == ["again"]

    def test_a_load_goes_on_after_its_process_ended(
        self, open_: Open, engine: Engine, loading: str
    ) -> None:
        write(engine, loading, cup("kept", "a"), revision=3)
        engine.delete(loading, ["c"], 3)
        engine.finish(loading)
        engine.close()
        engine = open_()
        assert write(engine, loading, cup("older", "a"), revision=2) == STALE
        assert write(engine, loading, cup("older", "c"), revision=2) == STALE
        assert write(engine, loading, cup("more", "b"), revision=3) == WRITTEN
        engine.seal(loading)
        assert titles(engine, loading, "a", "b", "c") == ["kept", "more", None]

    # what is stored

    def test_hashes(self, engine: Engine, live: str) -> None:
        a, b = cup("x", "a"), cup("y", "b")
        engine.write(live, [Document(a), Document(b, EAST)])
        engine.finish(live)
        found = engine.hashes(["b", "unknown", "a", "b", ""], live)
        assert list(found) == [b.content_hash(), None, a.content_hash(), b.content_hash(), None]
        assert list(engine.hashes(["a"])) == [a.content_hash()]
        assert list(engine.hashes([], live)) == []

    def test_hashes_follow_each_change(self, engine: Engine, live: str, open_: Open) -> None:
        for n, changed in enumerate(("x", "y", "x", None, "z")):
            other = open_() if n % 2 else engine
            if changed is None:
                other.delete(live, ["a"])
            else:
                other.write(live, [Document(cup(changed, "a"))])
            other.finish(live)
            expected = None if changed is None else cup(changed, "a").content_hash()
            assert list(engine.hashes(["a", "b"], live)) == [expected, None]
            assert list(engine.hashes(["a"], live)) == [expected]
            if n % 2:
                other.close()

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from("abx"),  # x removes
                st.sampled_from("ab"),
                st.integers(0, 4),
                st.sampled_from([None, 1.0, 2.0]),
                st.booleans(),
            ),
            max_size=10,
        )
    )
    def test_any_order_of_changes(
        self,
        engine: Engine,
        loading: str,
        steps: list[tuple[str, str, int, float | None, bool]],
    ) -> None:
        """Both engines agree with a dictionary of what is stored and one of what was removed."""
        prefix = uuid.uuid4().hex
        stored: dict[str, tuple[int, str, float]] = {}
        removed: dict[str, int] = {}
        for title, name, revision, boost, finish in steps:
            id_ = prefix + name
            old = stored.get(id_)
            newest = old[0] if old else removed.get(id_, -1)
            if title == "x":
                found = delete(engine, loading, id_, revision)
                if old is None:
                    assert found == UNCHANGED
                elif revision < newest:
                    assert found == STALE
                    continue
                else:
                    assert found == WRITTEN
                    del stored[id_]
                removed[id_] = max(newest, revision)
            else:
                found = write(engine, loading, cup(title, id_), revision=revision, boost=boost)
                kept = old[2] if old else 1.0
                wanted = kept if boost is None else boost
                if revision < newest:
                    assert found == STALE
                    continue
                same = old is not None and old[1:] == (title, wanted)
                assert found == (UNCHANGED if same else WRITTEN)
                stored[id_] = revision, title, wanted
            if finish:
                engine.finish(loading)
        engine.finish(loading)
        ids = [prefix + name for name in "ab"]
        expected = [stored[id_][1] if id_ in stored else None for id_ in ids]
        assert titles(engine, loading, *ids) == expected
