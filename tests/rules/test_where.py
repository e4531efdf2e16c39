"""Which items rules mean, as the engine would say, and what is kept of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.config import Config
from search_rerank.data.item import Item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve, Stored
from search_rerank.query import Filters, Range
from search_rerank.rules.facts import Facts, FactTable, Questions
from search_rerank.rules.where import Where, meets

ITEMS = [
    Item(id="a", title="a", brand="Acme", category=["Shoes", "Boots"], price=10, in_stock=True,
         rating=4.5, attributes={"colour": ["red", "blue"], "size": 42, "new": True}),
    Item(id="b", title="b", brand="Boreal", category=["Shoes"], price=20, in_stock=False,
         currency="EUR", attributes={"colour": "red", "size": 38.5, "new": False}),
    Item(id="c", title="c", group_id="g", rating_count=0, updated_at="2026-01-01T00:00:00Z"),
    Item(id="d", title="d", brand="Acme", category=["Hats"], price=0,
         attributes={"colour": "1", "size": "42"}),
]  # fmt: skip
TERMS = {
    "id": ["a", "b", "c", "x"],
    "brand": ["Acme", "Boreal", "acme"],
    "category": ["Shoes", "Shoes > Boots", "Boots", "Hats"],
    "group_id": ["g", "h"],
    "currency": ["EUR"],
    "in_stock": ["true", "false"],
    "attributes.colour": ["red", "blue", "1"],
    "attributes.size": ["42", "38.5"],
    "attributes.new": ["true", "false"],
}
RANGES = ["price", "rating", "rating_count", "updated_at", "attributes.size", "attributes.new"]
NUMBERS = st.none() | st.sampled_from([0.0, 10.0, 20.0, 4.5, 40.0, 42.0, 1.7672256e12])


def leaves() -> st.SearchStrategy[Filters]:
    terms = st.sampled_from(sorted(TERMS)).flatmap(
        lambda name: st.lists(st.sampled_from(TERMS[name]), min_size=1, max_size=3).map(
            lambda values: Filters({name: tuple(values)})
        )
    )
    ranges = st.builds(
        lambda name, low, high: Filters({}, {name: Range(low, high)}),
        st.sampled_from(RANGES),
        NUMBERS,
        NUMBERS,
    )
    return terms | ranges


def trees() -> st.SearchStrategy[Filters]:
    return st.recursive(
        leaves(),
        lambda inner: st.builds(
            lambda one, all_of, any_of, none_of: Filters(
                one.terms, one.ranges, tuple(all_of), tuple(any_of), tuple(none_of)
            ),
            leaves(),
            st.lists(inner, max_size=2),
            st.lists(inner, max_size=2),
            st.lists(inner, max_size=2),
        ),
        max_leaves=5,
    )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = open_engine(Config(home=tmp_path_factory.mktemp("where")))
    version = found.create(IndexSchema(0, "none", ("colour", "size", "new")))
    found.write(version, [Document(item) for item in ITEMS])
    found.seal(version)
    found.promote(version)
    yield found
    found.close()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.slow
@given(filters=trees())
def test_an_item_meets_filters_as_the_engine_says(engine: Engine, filters: Filters) -> None:
    found = engine.retrieve(Retrieve("", filters=filters))
    assert sorted(found.ids) == [item.id for item in ITEMS if meets(item, filters)]


def test_ids_alone_need_no_engine() -> None:
    where = Where.model_validate({"terms": {"id": ["b", "x"]}})
    assert where.ids == {"b", "x"}
    nobody = Facts(Questions({}), ["a", "b"], lambda: pytest.fail("the engine was asked"))
    assert nobody.meets(where).tolist() == [False, True]
    for other in (
        {"terms": {"id": ["b"], "brand": ["x"]}},
        {"none_of": [{"terms": {"id": "b"}}]},
        {"terms": {"brand": "b"}},
    ):
        assert Where.model_validate(other).ids is None


ACME = Where.model_validate({"terms": {"brand": "Acme"}})
QUESTIONS = Questions(
    {ACME.key: ACME}, ["brand", "category", "attributes.colour"],
    ["price", "in_stock", "attributes.size", "attributes.new"],
)  # fmt: skip


class Counting:
    """An engine whose items change, that counts what it is asked."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = {item.id: item for item in items}
        self.looked_up: list[list[str]] = []

    def hashes(self, ids: Sequence[str], version: str | None = None) -> list[str | None]:
        return [self.items[id_].content_hash() if id_ in self.items else None for id_ in ids]

    def lookup(self, ids: Sequence[str], version: str | None = None) -> list[Stored | None]:
        self.looked_up.append(list(ids))
        found = (self.items.get(id_) for id_ in ids)
        return [one and Stored(one, one.content_hash(), None) for one in found]


def facts(table: FactTable, engine: Counting, *ids: str) -> Facts:
    return Facts(QUESTIONS, ids, lambda: table.answers(engine, ids))  # type: ignore[arg-type]


def test_what_is_known_of_items() -> None:
    found = facts(FactTable(QUESTIONS), Counting(ITEMS), "a", "b", "c", "d", "gone")
    assert found.meets(ACME).tolist() == [True, False, False, True, False]
    assert found.groups("brand").tolist() == [0, 1, -1, 0, -1]
    assert found.groups("category").tolist() == [0, 1, -1, 2, -1]
    assert found.groups("attributes.colour").tolist() == [0, 0, -1, 1, -1]
    nan = np.nan
    for name, numbers in {
        "price": [10, 20, nan, 0, nan],
        "in_stock": [1, 0, nan, nan, nan],
        "attributes.size": [42, 38.5, nan, nan, nan],
        "attributes.new": [1, 0, nan, nan, nan],
    }.items():
        np.testing.assert_array_equal(found.numbers(name), numbers)


def test_an_item_is_looked_up_once_for_each_of_its_states() -> None:
    table, engine = FactTable(QUESTIONS), Counting(ITEMS)
    for _ in range(2):
        assert facts(table, engine, "a", "b").numbers("price").tolist() == [10, 20]
    assert engine.looked_up == [["a", "b"]]
    engine.items["a"] = engine.items["a"].model_copy(update={"price": 11.0, "brand": None})
    again = facts(table, engine, "a", "b")
    assert again.numbers("price").tolist() == [11, 20] and not again.meets(ACME).any()
    assert engine.looked_up == [["a", "b"], ["a"]]


def test_states_are_bounded() -> None:
    table = FactTable(QUESTIONS, most=3)
    engine = Counting(ITEMS)
    for _ in range(2):
        for ids in (["a", "b"], ["c", "d"]):
            prices = facts(table, engine, *ids).numbers("price")
            np.testing.assert_array_equal(prices, [10, 20] if "a" in ids else [np.nan, 0])
    assert len(engine.looked_up) == 4
    wide = FactTable(QUESTIONS)
    many = [item.model_copy(update={"id": f"{item.id}{n}"}) for n in range(200) for item in ITEMS]
    prices = facts(wide, Counting(many), *(item.id for item in many)).numbers("price")
    np.testing.assert_array_equal(prices, [10, 20, np.nan, 0] * 200)


def test_what_the_engine_refuses_once_it_is_not_asked_again() -> None:
    asked = []

    def refuse() -> None:
        asked.append(1)
        raise OSError("away")

    found = Facts(QUESTIONS, ["a"], refuse)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(OSError, match="away"):
            found.groups("brand")
    assert asked == [1]


def test_requests_beside_each_other_get_their_own_answers() -> None:
    many = [Item(id=f"x{n}", title="x", price=float(n), brand=f"b{n % 3}") for n in range(60)]
    table, engine = FactTable(QUESTIONS, most=50), Counting(many)

    def ask(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for _ in range(30):
            chosen = rng.choice(60, 20, replace=False).tolist()
            found = facts(table, engine, *(f"x{n}" for n in chosen))
            if found.numbers("price").tolist() != chosen:
                return False
            group = found.groups("brand").tolist()
            same = {(n % 3, one) for n, one in zip(chosen, group, strict=True)}
            if len(same) != len({n % 3 for n in chosen}):
                return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(6)))
