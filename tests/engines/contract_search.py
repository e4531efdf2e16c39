"""What a shop's search box needs of every engine; an engine's test inherits this."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_rerank.config import RetrievalConfig
from search_rerank.data.item import Item, parse_item
from search_rerank.engines.base import (
    WRITTEN,
    Document,
    Engine,
    IndexSchema,
    Retrieve,
    Suggestion,
)
from search_rerank.errors import EngineError
from search_rerank.query import Facet, Filters, Range, Sort, Statistics

OpenWith = Callable[[RetrievalConfig], Engine]
PLAIN = RetrievalConfig()
ROWS: list[dict[str, Any]] = [
    {"id": "s1", "title": "Red running shoes", "brand": "Nimbus", "category": ["Shoes", "Running"],
     "price": 50, "rating": 4.5, "group_id": "shoe",
     "attributes": {"color": "red", "gtin": "4006381333931"}},
    {"id": "s2", "title": "Blue running shoes", "brand": "Nimbus", "category": ["Shoes", "Running"],
     "price": 55, "rating": 3.0, "group_id": "shoe", "attributes": {"color": "blue"}},
    {"id": "s3", "title": "Green running shoes", "brand": "Lumen", "category": ["Shoes", "Running"],
     "price": 20, "group_id": "shoe", "attributes": {"color": "green"}},
    {"id": "b1", "title": "Leather boots", "brand": "Lumen", "category": ["Shoes", "Boots"],
     "description": "For running errands in the rain", "price": 80, "rating": 4.5,
     "attributes": {"color": "brown"}},
    {"id": "t1", "title": "Television stand", "brand": "Terra", "category": ["Furniture"],
     "price": 120},
    {"id": "t2", "title": "Shoe rack", "brand": "Terra", "category": ["Furniture"],
     "attributes": {"color": "brown"}},
    {"id": "SD-500", "title": "Memory card", "category": ["Electronics"], "price": 10},
]  # fmt: skip
ITEMS = [parse_item(row) for row in ROWS]
SCHEMA = IndexSchema(2, "two-d", ("color", "gtin"))
EAST = np.array([1.0, 0.0], dtype=np.float32)


def made(
    engine: Engine,
    items: list[Item] = ITEMS,
    schema: IndexSchema = SCHEMA,
    boosts: dict[str, float] | None = None,
) -> Engine:
    version = engine.create(schema)
    factors = boosts or {}
    vector = np.array([0.6, 0.8], dtype=np.float32)
    documents = [Document(i, vector, factors.get(i.id, 1.0)) for i in items]
    assert set(engine.write(version, documents)) == {WRITTEN}
    engine.seal(version)
    engine.promote(version)
    return engine


def words(ids: dict[str, str], language: str, **more: Any) -> tuple[list[Item], IndexSchema]:
    items = [parse_item({"id": id_, "title": title}) for id_, title in ids.items()]
    return items, IndexSchema(2, "two-d", language=language, **more)


class SearchContract:
    @pytest.fixture
    def engine(self, open_with: OpenWith) -> Engine:
        return made(open_with(PLAIN))

    # facets

    def test_a_facet_does_not_feel_its_own_filter(self, engine: Engine) -> None:
        filters = Filters(terms={"brand": ("Nimbus",)}, ranges={"price": Range(lte=60)})
        facets = (Facet("brand"), Facet("attributes.color"), Facet("category", own_filter=True))
        found = engine.retrieve(Retrieve("running", filters=filters, facets=facets))
        assert set(found.ids) == {"s1", "s2"}
        assert list(found.facets["brand"]) == [("Nimbus", 2), ("Lumen", 1)]
        assert list(found.facets["attributes.color"]) == [("blue", 1), ("red", 1)]
        assert list(found.facets["category"]) == [("Shoes", 2), ("Shoes > Running", 2)]
        own = (Facet("brand", own_filter=True),)
        narrow = engine.retrieve(Retrieve("running", filters=filters, facets=own))
        assert list(narrow.facets["brand"]) == [("Nimbus", 2)]

    def test_ranges_hold_their_lower_bound_only(self, engine: Engine) -> None:
        asked = (Range(lte=20), Range(20, 55), Range(55, 200), Range(), Range(10, 100))
        facets = (Facet("price", "ranges", asked), Facet("price", "statistics"))
        found = engine.retrieve(Retrieve("", facets=facets, k=1))
        assert list(found.facets["price"]) == [
            ("..20", 1), ("20..55", 2), ("55..200", 3), ("..", 6), ("10..100", 5),
        ]  # fmt: skip
        prices = [50, 55, 20, 80, 120, 10]
        assert found.statistics["price"] == Statistics(6, 10, 120, pytest.approx(np.mean(prices)))
        none = Filters(terms={"id": ("t2",)})
        lacking = engine.retrieve(Retrieve("", filters=none, facets=facets[1:]))
        assert dict(lacking.statistics) == {}

    def test_size_and_the_order_of_facets(self, engine: Engine) -> None:
        facets = (Facet("brand", size=2), Facet("attributes.color", size=1))
        found = engine.retrieve(Retrieve("", facets=facets))
        assert list(found.facets) == ["brand", "attributes.color"]
        assert list(found.facets["brand"]) == [("Lumen", 2), ("Nimbus", 2)]
        assert list(found.facets["attributes.color"]) == [("brown", 2)]

    @pytest.mark.parametrize(
        "facets",
        [
            (Facet("brand"), Facet("brand")),
            (Facet("price", "ranges"),),
            (Facet("brand", size=0),),
            (Facet("brand", "statistics"),),
        ],
    )
    def test_facets_that_cannot_be(self, engine: Engine, facets: tuple[Facet, ...]) -> None:
        with pytest.raises(EngineError, match="facet|cannot count"):
            engine.retrieve(Retrieve("", facets=facets))

    # order

    def test_sort_puts_missing_last_and_breaks_ties_by_id(self, engine: Engine) -> None:
        up = engine.retrieve(Retrieve("", sort=(Sort("price"),)))
        assert up.ids == ["SD-500", "s3", "s1", "s2", "b1", "t1", "t2"]
        assert up.score.tolist() == [7, 6, 5, 4, 3, 2, 1]
        down = engine.retrieve(Retrieve("", sort=(Sort("rating", True), Sort("price", True))))
        assert down.ids == ["b1", "s1", "s2", "t1", "s3", "SD-500", "t2"]

    def test_a_sorted_search_has_word_hits_with_their_scores(self, engine: Engine) -> None:
        found = engine.retrieve(Retrieve("running", EAST, sort=(Sort("price"),), k=2))
        assert found.ids == ["s3", "s1"]
        assert found.total == 4
        assert (found.lexical > 0).all()
        assert np.isnan(found.vector).all()
        with pytest.raises(EngineError, match="cannot sort by 'brand'"):
            engine.retrieve(Retrieve("", sort=(Sort("brand"),)))

    def test_variants_collapse_to_the_best(self, open_with: OpenWith) -> None:
        engine = made(open_with(PLAIN), boosts={"s2": 1.5})
        found = engine.retrieve(Retrieve("running shoes", collapse=True, k=3))
        assert found.ids[0] == "s2"
        assert set(found.ids) == {"s2", "b1", "t2"}
        assert found.total == 5
        browsed = engine.retrieve(Retrieve("", collapse=True))
        assert browsed.ids == ["s2", "SD-500", "b1", "t1", "t2"]
        cheap = engine.retrieve(Retrieve("", collapse=True, sort=(Sort("price"),), k=2))
        assert cheap.ids == ["SD-500", "s3"]
        hybrid = engine.retrieve(Retrieve("running", EAST, collapse=True))
        assert len({"s1", "s2", "s3"} & set(hybrid.ids)) == 1

    def test_a_group_larger_than_k_hides_no_other(self, open_with: OpenWith) -> None:
        rows = [{"id": f"v{n:02d}", "title": "Cup", "group_id": "g"} for n in range(30)]
        rows += [{"id": f"w{n}", "title": "Cup with a handle and a lid"} for n in range(3)]
        engine = made(open_with(PLAIN), [parse_item(row) for row in rows])
        found = engine.retrieve(Retrieve("cup", collapse=True, k=4))
        assert len(found) == 4
        assert found.total == 33

    def test_ranks_can_be_fused_instead_of_scores(self, open_with: OpenWith) -> None:
        config = RetrievalConfig(fusion="ranks", words_weight=1.0, vector_weight=0.5)
        engine = made(open_with(config))
        found = engine.retrieve(Retrieve("boots", EAST))
        assert found.ids[0] == "b1"
        # All vectors are equal, so that ranks fall to the ids: SD-500, b1, s1 ...
        assert found.score[0] == pytest.approx(1 / 61 + 0.5 / 62)
        assert dict(zip(found.ids, found.score, strict=True))["SD-500"] == pytest.approx(0.5 / 61)

    # words

    def test_every_word_can_be_asked_for(self, engine: Engine) -> None:
        some = engine.retrieve(Retrieve("red boots"))
        assert set(some.ids) == {"b1", "s1"}
        assert engine.retrieve(Retrieve("red boots", every_word=True)).ids == []
        every = engine.retrieve(Retrieve("leather running", every_word=True))
        assert (every.ids, every.total) == (["b1"], 1)
        assert engine.retrieve(Retrieve("sd 500", every_word=True)).ids == ["SD-500"]

    def test_totals_are_exact_up_to_the_bound(self, open_with: OpenWith) -> None:
        engine = made(open_with(RetrievalConfig(total_up_to=4)))
        for text, total, exact in (("running", 4, True), ("shoes", 4, False), ("", 4, False)):
            found = engine.retrieve(Retrieve(text))
            assert (found.total, found.total_exact) == (total, exact), text

    @pytest.mark.parametrize(
        ("text", "first"),
        [("sd 500", "SD-500"), ("sd500", "SD-500"), ("4006381333931", "s1"),
         ("LEATHER  boots", "b1"), ("shoe rack", "t2"), ("blue running shoes", "s2")],
    )  # fmt: skip
    def test_a_code_or_a_whole_title_comes_first(
        self, open_with: OpenWith, text: str, first: str
    ) -> None:
        others = {item.id: 3.0 for item in ITEMS if item.id != first}
        engine = made(open_with(PLAIN), boosts=others)
        assert engine.retrieve(Retrieve(text, EAST)).ids[0] == first
        elsewhere = Filters(terms={"brand": ("Nobody",)})
        assert engine.retrieve(Retrieve(text, EAST, elsewhere)).ids == []

    def test_synonyms_are_searched_beside_and_read_again(
        self, open_with: OpenWith, tmp_path: Path
    ) -> None:
        file = tmp_path / "synonyms.txt"
        file.write_text("tv, television  # both ways\nfootwear => running shoes, boots\n")
        engine = made(open_with(RetrievalConfig(synonyms=file)))
        assert engine.retrieve(Retrieve("tv stand")).ids[0] == "t1"
        typed, other = (engine.retrieve(Retrieve(t)) for t in ("television", "tv"))
        assert other.lexical[0] == pytest.approx(0.9 * typed.lexical[0], rel=1e-5)
        assert set(engine.retrieve(Retrieve("footwear")).ids) >= {"s1", "s2", "s3", "b1"}
        assert engine.retrieve(Retrieve("shoes footwear", every_word=True)).total == 4
        assert engine.highlight("tv", ["t1"]) == {"t1": {"title": [(0, 10)]}}
        file.write_text("tube => television, stand, more of it\n")
        assert engine.retrieve(Retrieve("tube")).ids == ["t1"]
        assert engine.retrieve(Retrieve("tv")).ids == []

    # help

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("runing shoes", "running shoes"),
            ("Red  SHOSE!", "Red  shoes!"),  # a transposition; the rest as typed
            ("televsion stnad", "television stand"),
            ("leathr", "leather"),
            ("running shoes", None),
            ("shoe boot", None),  # forms of known words
            ("zzzzzz", None),
            ("sho", None),  # too short
            ("errand", None),  # of a description
            ("", None),
        ],
    )
    def test_did_you_mean(self, engine: Engine, typed: str, meant: str | None) -> None:
        assert engine.did_you_mean(typed) == meant
        assert engine.retrieve(Retrieve(typed)).did_you_mean == meant

    def test_typos_can_be_left_alone(self, open_with: OpenWith) -> None:
        engine = made(open_with(RetrievalConfig(typos="off")))
        assert engine.did_you_mean("runing") is None
        assert engine.retrieve(Retrieve("runing")).did_you_mean is None

    def test_suggest(self, open_with: OpenWith) -> None:
        engine = made(open_with(PLAIN), boosts={"s2": 2.0})
        assert list(engine.suggest("Runn", 2)) == [
            Suggestion("Blue running shoes", "title", "s2"),
            Suggestion("Red running shoes", "title", "s1"),
            Suggestion("Shoes > Running", "category"),
        ]
        assert list(engine.suggest("red ru", 5)) == [
            Suggestion("Red running shoes", "title", "s1"),
            Suggestion("Shoes > Running", "category"),
        ]
        assert [s.text for s in engine.suggest("nim", 5) if s.kind == "brand"] == ["Nimbus"]
        for text in ("", "  ", "zzz", ".*", 'a"b\\', "\0", "(", "蓝"):
            assert list(engine.suggest(text, 5)) == []

    def test_highlight(self, engine: Engine) -> None:
        assert engine.highlight("RUNS shoe", ["s1", "b1", "t1", "nobody"]) == {
            "s1": {"title": [(4, 11), (12, 17)]},
            "b1": {"description": [(4, 11)]},
        }
        assert engine.highlight("", ["s1"]) == {}

    # languages

    @pytest.mark.parametrize(
        ("language", "title", "typed"),
        [
            ("en", "Running shoes", "run shoe"),
            ("de", "Rote Laufschuhe für Kinder", "laufschuh kind"),
            ("fr", "Chaussures légères", "chaussure legere"),
            ("es", "Zapatos rojos", "zapato rojo"),
            ("none", "Running shoes", "running shoes"),
        ],
    )
    def test_words_are_stemmed_by_language(
        self, open_with: OpenWith, language: str, title: str, typed: str
    ) -> None:
        engine = made(open_with(PLAIN), *words({"x": title, "y": "Something else"}, language))
        assert engine.retrieve(Retrieve(typed, every_word=True)).ids == ["x"]
        if language == "none":
            assert engine.retrieve(Retrieve("run")).ids == []

    @pytest.mark.parametrize("language", ["zh", "cjk"])
    def test_characters_are_searched_by_pairs(self, open_with: OpenWith, language: str) -> None:
        titles = {"x": "无线蓝牙耳机 Pro", "y": "蓝色牙刷", "z": "ワイヤレス"}
        engine = made(open_with(PLAIN), *words(titles, language))
        assert engine.retrieve(Retrieve("蓝牙耳机")).ids == ["x"]
        assert engine.retrieve(Retrieve("蓝牙耳机 pro", every_word=True)).ids == ["x"]
        assert set(engine.retrieve(Retrieve("蓝")).ids) == {"x", "y"}
        assert engine.retrieve(Retrieve("ワイヤ")).ids == ["z"]
        assert engine.highlight("蓝牙", ["x", "y"]) == {"x": {"title": [(2, 4)]}}

    def test_a_field_may_have_its_own_language(self, open_with: OpenWith) -> None:
        items = [parse_item({"id": "x", "title": "Shoes", "description": "跑步鞋"})]
        schema = IndexSchema(2, "two-d", languages=(("description", "zh"),))
        config = RetrievalConfig(fields={"title": 1.0, "description": 1.0})
        engine = made(open_with(config), items, schema)
        assert engine.retrieve(Retrieve("跑步")).ids == ["x"]
        assert engine.retrieve(Retrieve("shoe")).ids == ["x"]
