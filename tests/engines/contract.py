"""What every engine must do; an engine's test inherits this and provides the fixture `open_`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.data.item import Item, parse_item
from search_rerank.engines.base import WRITTEN, Document, Engine, IndexSchema, Retrieve
from search_rerank.errors import EngineError
from search_rerank.query import Filters, Range, value_facets

Open = Callable[[], Engine]
SCHEMA = IndexSchema(2, "two-d", ("color", "size", "tags", "new"))
ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": "Red running shoes", "brand": "Nimbus", "category": ["Shoes", "Running"],
     "price": 50.0, "currency": "EUR", "in_stock": True, "group_id": "g1", "rating": 4.5,
     "attributes": {"color": "red", "size": 42, "tags": ["light", "road"], "new": True}},
    {"id": "b", "title": "Blue running shirt", "brand": "Nimbus", "category": ["Clothes", "Shirts"],
     "price": 20.0, "currency": "EUR", "in_stock": False,
     "attributes": {"color": "blue", "size": 38.5}},
    {"id": "c", "title": "Crème brûlée dish", "brand": "Lumen", "category": ["Kitchen"],
     "price": 10.0, "currency": "USD", "in_stock": True, "rating_count": 7},
    {"id": "d", "title": "Leather boots", "brand": "Lumen", "category": ["Shoes", "Boots"],
     "description": "the runner's winter choice", "attributes": {"color": "red"}},
    {"id": "SD-500", "title": "Memory card", "category": ["Electronics"]},
]  # fmt: skip
ITEMS = [parse_item(row) for row in ROWS]
VECTORS = {"a": (1.0, 0.0), "b": (0.6, 0.8), "c": (0.0, 1.0), "d": (0.8, 0.6)}
BOOSTS = {"a": 1.0, "b": 1.5, "c": 1.0, "d": 1.2, "SD-500": 1.0}
EAST = np.array([1.0, 0.0], dtype=np.float32)


def document(item: Item, boost: float | None = None) -> Document:
    vector = VECTORS.get(item.id)
    return Document(
        item,
        None if vector is None else np.array(vector, dtype=np.float32),
        BOOSTS[item.id] if boost is None else boost,
    )


def load(engine: Engine, items: list[Item] = ITEMS) -> str:
    version = engine.create(SCHEMA)
    assert set(engine.write(version, [document(item) for item in items])) == {WRITTEN}
    engine.seal(version)
    return version


class EngineContract:
    @pytest.fixture
    def engine(self, open_: Open) -> Engine:
        engine = open_()
        engine.promote(load(engine))
        return engine

    # versions

    def test_without_a_live_version_says_what_to_run(self, open_: Open) -> None:
        engine = open_()
        for call in (
            lambda: engine.retrieve(Retrieve("shoes")),
            lambda: engine.score(Retrieve("shoes"), ["a"]),
            lambda: engine.lookup(["a"]),
            lambda: engine.count(),
        ):
            with pytest.raises(EngineError, match="search-rerank index load FILE --promote"):
                call()
        assert list(engine.versions()) == []

    def test_a_version_is_seen_by_name_before_and_by_all_after_promotion(self, open_: Open) -> None:
        engine = open_()
        first, second = load(engine, ITEMS[:1]), load(engine)
        engine.promote(first)
        assert engine.count() == 1
        assert engine.retrieve(Retrieve("shirt")).ids == []
        assert engine.retrieve(Retrieve("shirt"), second).ids == ["b"]
        engine.promote(second)
        assert engine.retrieve(Retrieve("shirt")).ids == ["b"]
        found = engine.versions()
        assert [(v.name, v.count, v.live) for v in found] == [(second, 5, True), (first, 1, False)]
        assert found[0].schema == SCHEMA

    def test_rollback_swaps_and_drop_spares_the_live_one(self, open_: Open) -> None:
        engine = open_()
        first, second = load(engine, ITEMS[:1]), load(engine)
        engine.promote(first)
        with pytest.raises(EngineError, match="nothing to roll back to"):
            engine.rollback()
        engine.promote(second)
        engine.promote(second)
        assert engine.rollback() == first
        assert engine.count() == 1
        assert engine.rollback() == second
        with pytest.raises(EngineError, match="is live"):
            engine.drop(second)
        engine.drop(first)
        assert [v.name for v in engine.versions()] == [second]
        with pytest.raises(EngineError, match="nothing to roll back to"):
            engine.rollback()

    @pytest.mark.parametrize(
        "ask",
        [
            lambda engine: engine.count() == len(ITEMS),
            lambda engine: engine.lookup(["b"])[0] is not None,
            lambda engine: engine.items(["b"])[0] is not None,
            lambda engine: engine.retrieve(Retrieve("shirt", EAST)).ids[:1] == ["b"],
            lambda engine: engine.score(Retrieve("shirt", EAST), ["b"]).ids == ["b"],
        ],
        ids=["count", "lookup", "items", "retrieve", "score"],
    )
    def test_what_was_live_a_moment_ago_may_be_gone(
        self, open_: Open, ask: Callable[[Engine], bool]
    ) -> None:
        writer, reader = open_(), open_()
        first = load(writer, ITEMS[:1])
        writer.promote(first)
        assert reader.count() == 1
        second = load(writer)
        writer.promote(second)
        writer.drop(first)
        assert ask(reader)

    def test_unknown_versions_are_named(self, engine: Engine) -> None:
        for call in (
            lambda: engine.write("nope-v0001", [document(ITEMS[0])]),
            lambda: engine.finish("../x"),
            lambda: engine.promote("nope"),
            lambda: engine.drop("nope"),
            lambda: engine.count("nope"),
            lambda: engine.retrieve(Retrieve("x"), "nope"),
        ):
            with pytest.raises(EngineError, match="no version"):
                call()

    def test_another_engine_on_the_same_index_sees_it(self, open_: Open) -> None:
        writer, reader = open_(), open_()
        first = load(writer, ITEMS[:1])
        writer.promote(first)
        assert reader.count(first) == 1
        assert reader.retrieve(Retrieve("shoes"), first).ids == ["a"]

    # writing

    def test_write_is_idempotent_and_replaces(self, engine: Engine) -> None:
        version = engine.versions()[0].name
        changed = ITEMS[0].model_copy(update={"title": "Green sandals"})
        engine.write(version, [document(ITEMS[1]), document(changed), document(changed)])
        engine.finish(version)
        assert engine.count() == len(ITEMS)
        assert engine.retrieve(Retrieve("sandals")).ids == ["a"]
        assert engine.retrieve(Retrieve("red")).total == 2  # by attribute alone

    def test_delete(self, engine: Engine) -> None:
        version = engine.versions()[0].name
        engine.delete(version, ["a", "not there"])
        engine.finish(version)
        assert engine.count() == len(ITEMS) - 1
        assert "a" not in engine.retrieve(Retrieve("running", EAST)).ids
        assert list(engine.lookup(["a"])) == [None]

    @pytest.mark.parametrize(
        ("vector", "boost", "reason"),
        [
            ([1.0, 0.0, 0.0], 1.0, "expected 2 numbers"),
            ([float("nan"), 1.0], 1.0, "finite"),
            ([3.0, 4.0], 1.0, "unit length, found length 5"),
            ([0.0, 0.0], 1.0, "unit length"),
            ([1.0, 0.0], 0.5, "boost"),
            ([1.0, 0.0], float("nan"), "boost"),
        ],
    )
    def test_a_bad_document_is_refused_and_its_neighbours_written(
        self, open_: Open, vector: list[float], boost: float, reason: str
    ) -> None:
        engine = open_()
        version = engine.create(SCHEMA)
        bad = Document(ITEMS[1], np.array(vector, dtype=np.float32), boost)
        outcomes = engine.write(version, [document(ITEMS[0]), bad, document(ITEMS[2])])
        engine.finish(version)
        assert [outcome.status for outcome in outcomes] == ["written", "refused", "written"]
        assert reason in (outcomes[1].reason or "")
        assert engine.count(version) == 2

    def test_long_and_odd_items_are_kept_whole(self, open_: Open) -> None:
        engine = open_()
        long = "word " * 399
        item = parse_item({"id": "x 😀/?#%", "title": long, "description": "z" * 20_000,
                           "category": ["ü" * 500] * 20, "attributes": {"a.b": "c"}})  # fmt: skip
        version = engine.create(SCHEMA)
        outcomes = engine.write(version, [Document(item), Document(
            parse_item({"id": "ü" * 512, "title": "id of 1,024 bytes"}))])  # fmt: skip
        engine.finish(version)
        assert [outcome.status for outcome in outcomes] == ["written", "refused"]
        stored = engine.lookup([item.id], version)[0]
        assert stored is not None
        assert stored.item == item

    # words

    def test_words_are_folded_and_stemmed(self, engine: Engine) -> None:
        assert engine.retrieve(Retrieve("CREME brulee")).ids == ["c"]
        assert engine.retrieve(Retrieve("runs shoe")).ids[0] == "a"
        assert engine.retrieve(Retrieve("runner")).ids == ["d"]
        assert engine.retrieve(Retrieve("zzz")).ids == []

    def test_the_item_with_all_words_comes_first(self, engine: Engine) -> None:
        assert engine.retrieve(Retrieve("red boots")).ids[0] == "d"  # title and attribute

    def test_an_exact_id_comes_first(self, engine: Engine) -> None:
        found = engine.retrieve(Retrieve("SD-500", EAST))
        assert found.ids[0] == "SD-500"
        assert found.total == 1
        assert engine.retrieve(Retrieve("a")).ids[0] == "a"
        scored = engine.score(Retrieve("SD-500", EAST), found.ids)
        assert list(scored.ids) == list(found.ids)

    def test_the_boost_orders_and_is_not_in_the_word_score(self, open_: Open) -> None:
        engine = open_()
        version = engine.create(SCHEMA)
        twins = [parse_item({"id": name, "title": "Plain cup"}) for name in ("x", "y")]
        engine.write(version, [Document(twins[0], None, 1.0), Document(twins[1], None, 2.0)])
        engine.finish(version)
        found = engine.retrieve(Retrieve("cup"), version)
        assert found.ids == ["y", "x"]
        assert found.lexical[0] == pytest.approx(found.lexical[1], rel=1e-5)
        assert found.score[1] == pytest.approx(found.score[0] / 2, rel=1e-5)

    def test_empty_text_orders_by_boost_then_id(self, engine: Engine) -> None:
        found = engine.retrieve(Retrieve("  ", EAST, k=4))
        assert found.ids == ["b", "d", "SD-500", "a"]
        assert found.total == len(ITEMS)
        assert found.lexical.tolist() == [0.0] * 4
        assert np.isnan(found.vector).all()

    # meaning

    def test_both_scores_of_every_candidate(self, engine: Engine) -> None:
        found = engine.retrieve(Retrieve("running", EAST))
        score = dict(zip(found.ids, found.score.tolist(), strict=True))
        cosine = dict(zip(found.ids, found.vector.tolist(), strict=True))
        words = dict(zip(found.ids, found.lexical.tolist(), strict=True))
        assert cosine == pytest.approx({id_: v[0] for id_, v in VECTORS.items()}, abs=1e-5)
        top = max(words[id_] * BOOSTS[id_] for id_ in words)
        for id_ in words:
            expected = words[id_] * BOOSTS[id_] / top + 0.1 * cosine[id_]
            assert score[id_] == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert found.total == 2
        assert not found.degraded

    def test_depth_does_not_change_what_is_known(self, engine: Engine) -> None:
        """With k = 1 the word list is `b` alone, the vector list `a` alone; both get both."""
        found = engine.retrieve(Retrieve("running", EAST, k=1))
        full = engine.retrieve(Retrieve("running", EAST))
        assert len(found) == 1
        assert found.ids == full.ids[:1]
        assert found.lexical[0] == pytest.approx(full.lexical[0], rel=1e-5)
        assert found.vector[0] == pytest.approx(full.vector[0], abs=1e-5)

    def test_score_gives_what_retrieve_gives(self, engine: Engine) -> None:
        request = Retrieve("running shoes", EAST)
        full = engine.retrieve(request)
        some = engine.score(request, [*reversed(full.ids), "unknown", full.ids[0]])
        assert list(some.ids) == list(full.ids)
        np.testing.assert_allclose(some.score, full.score, rtol=1e-4)
        np.testing.assert_allclose(some.lexical, full.lexical, rtol=1e-4)
        np.testing.assert_allclose(some.vector, full.vector, atol=1e-5)
        assert engine.score(request, []).ids == []
        browsed = engine.score(Retrieve(""), ["a", "b"])
        assert browsed.ids == ["b", "a"]

    @pytest.mark.parametrize("bad", [[1.0, 0.0, 0.0], [float("nan"), 0.0], [0.0, 0.0]])
    def test_a_query_vector_that_does_not_fit(self, engine: Engine, bad: list[float]) -> None:
        request = Retrieve("shoes", np.array(bad, dtype=np.float32))
        with pytest.raises(EngineError, match="two-d.*load the index again|finite query vector"):
            engine.retrieve(request)
        with pytest.raises(EngineError, match="query vector"):
            engine.score(request, ["a"])

    # filters and facets

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(terms={"brand": ("Nimbus",)}), {"a", "b"}),
            (Filters(terms={"brand": ("Nimbus", "Lumen")}), {"a", "b", "c", "d"}),
            (Filters(terms={"brand": ()}), set()),
            (Filters(terms={"category": ("Shoes",)}), {"a", "d"}),
            (Filters(terms={"category": ("Shoes > Boots",)}), {"d"}),
            (Filters(terms={"in_stock": ("true",)}), {"a", "c"}),
            (Filters(terms={"id": ("a", "SD-500")}), {"a", "SD-500"}),
            (Filters(terms={"group_id": ("g1",), "currency": ("EUR",)}), {"a"}),
            (Filters(terms={"attributes.color": ("red",)}), {"a", "d"}),
            (Filters(terms={"attributes.tags": ("road",)}), {"a"}),
            (Filters(terms={"attributes.new": ("true",)}), {"a"}),
            (Filters(terms={"attributes.size": ("42",)}), {"a"}),
            (Filters(ranges={"price": Range(gte=20)}), {"a", "b"}),
            (Filters(ranges={"price": Range(gte=10, lte=20)}), {"b", "c"}),
            (Filters(ranges={"price": Range()}), {"a", "b", "c"}),
            (Filters(ranges={"price": Range(gte=float("-inf"), lte=float("inf"))}), set("abc")),
            (Filters(ranges={"attributes.size": Range(lte=40)}), {"b"}),
            (Filters(ranges={"rating_count": Range(gte=7, lte=7)}), {"c"}),
        ],
    )
    def test_filters_hold_for_words_vectors_and_all(
        self, engine: Engine, filters: Filters, expected: set[str]
    ) -> None:
        browsed = engine.retrieve(Retrieve("", filters=filters))
        assert (set(browsed.ids), browsed.total) == (expected, len(expected))
        hybrid = engine.retrieve(Retrieve("running", EAST, filters=filters))
        assert set(hybrid.ids) == expected & set(VECTORS)
        assert hybrid.total == len(expected & {"a", "b"})

    @pytest.mark.parametrize(
        "request_",
        [
            Retrieve("x", filters=Filters(terms={"colour": ("red",)})),
            Retrieve("x", filters=Filters(terms={"attributes.colour": ("red",)})),
            Retrieve("x", filters=Filters(ranges={"brand": Range(gte=1)})),
            Retrieve("x", facets=value_facets("price")),
            Retrieve("", facets=value_facets("title")),
        ],
    )
    def test_unknown_fields_name_those_that_work(self, engine: Engine, request_: Retrieve) -> None:
        with pytest.raises(EngineError, match=r"fields that work are .*attributes\.color"):
            engine.retrieve(request_)

    def test_a_bound_that_is_no_number(self, engine: Engine) -> None:
        filters = Filters(ranges={"price": Range(gte=float("nan"))})
        with pytest.raises(EngineError, match="expected numbers as bounds, found nan"):
            engine.retrieve(Retrieve("", filters=filters))

    def test_facets_count_all_matches(self, engine: Engine) -> None:
        names = ("brand", "category", "in_stock", "currency", "attributes.color")
        found = engine.retrieve(Retrieve("", facets=value_facets(*names), k=1))
        assert {name: list(values) for name, values in found.facets.items()} == {
            "brand": [("Lumen", 2), ("Nimbus", 2)],
            "category": [
                ("Shoes", 2), ("Clothes", 1), ("Clothes > Shirts", 1), ("Electronics", 1),
                ("Kitchen", 1), ("Shoes > Boots", 1), ("Shoes > Running", 1),
            ],
            "in_stock": [("true", 2), ("false", 1)],
            "currency": [("EUR", 2), ("USD", 1)],
            "attributes.color": [("red", 2), ("blue", 1)],
        }  # fmt: skip
        worded = engine.retrieve(Retrieve("running", EAST, facets=value_facets("brand"), k=1))
        assert list(worded.facets["brand"]) == [("Nimbus", 2)]

    def test_a_facet_is_cut_at_fifty_with_ties_by_value(self, open_: Open) -> None:
        engine = open_()
        version = engine.create(SCHEMA)
        engine.write(
            version,
            [
                Document(parse_item({"id": str(n), "title": "cup", "brand": f"brand {n:03d}"}))
                for n in reversed(range(300))
            ],
        )
        engine.finish(version)
        found = engine.retrieve(Retrieve("cup", facets=value_facets("brand"), k=1), version)
        assert list(found.facets["brand"]) == [(f"brand {n:03d}", 1) for n in range(50)]
        assert found.total == 300

    # lookup

    def test_lookup_gives_back_what_was_written(self, engine: Engine) -> None:
        found = engine.lookup(["c", "unknown", "SD-500", "c", ""])
        assert [stored and stored.item.id for stored in found] == ["c", None, "SD-500", "c", None]
        assert found[0] is not None and found[2] is not None
        assert found[0].item == ITEMS[2]
        assert found[0].content_hash == ITEMS[2].content_hash()
        assert found[0].vector is not None
        assert found[0].vector.tolist() == [0.0, 1.0]
        assert found[2].vector is None
        assert list(engine.lookup([])) == []

    def test_items_are_those_of_lookup(self, engine: Engine) -> None:
        for _ in range(2):  # what was read before is the same
            found = engine.items(["c", "unknown", "SD-500", "c", ""])
            assert list(found) == [
                ITEMS[2],
                None,
                next(i for i in ITEMS if i.id == "SD-500"),
                ITEMS[2],
                None,
            ]
        assert list(engine.items([])) == []

    def test_info(self, engine: Engine) -> None:
        info = engine.info()
        assert info["kind"] == engine.name
        assert info["live"] == engine.versions()[0].name

    # any text

    @pytest.mark.parametrize(
        "text",
        ["🎉", '"', "a:b AND (c", "*", "\0", "shoes\0", "\ud800", "{}", "x" * 10_000,
         "shoes " * 2_000, "蓝" * 10_000, "-shoes +red ~2 ^3", "\\", "it's ’", "é" * 600],
    )  # fmt: skip
    def test_any_text_is_answered(self, engine: Engine, text: str) -> None:
        for vector in (None, EAST):
            found = engine.retrieve(Retrieve(text, vector, facets=value_facets("brand")))
            assert len(found) <= len(ITEMS)

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        text=st.text(max_size=60),
        brand=st.lists(st.text(max_size=20), max_size=3),
        low=st.none() | st.floats(allow_nan=False),
        high=st.none() | st.floats(allow_nan=False),
        k=st.integers(1, 7),
    )
    def test_any_text_and_filter(
        self,
        engine: Engine,
        text: str,
        brand: list[str],
        low: float | None,
        high: float | None,
        k: int,
    ) -> None:
        terms = {"brand": tuple(brand)} if brand else {}
        filters = Filters(terms=terms, ranges={"price": Range(low, high)})
        found = engine.retrieve(Retrieve(text, EAST, filters, value_facets("category"), k))
        assert len(found) <= k
        assert len(set(found.ids)) == len(found)
        assert (np.diff(found.score) <= 0).all()
