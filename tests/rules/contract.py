"""What every kind of rule must do; the test of a kind inherits it and gives examples."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.errors import DataError
from search_rerank.rules.base import Rule
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rule_set import KINDS, RuleSet
from tests.rules.worlds import item, rule, unknown, view

ITEMS = [item(n) for n in range(30)]


class RuleContract:
    kind: ClassVar[str]
    example: ClassVar[dict[str, Any]]
    """The fields of a rule that moves items of the world."""
    removes = False
    idempotent = True
    of_nobody: ClassVar[dict[str, Any] | None] = None
    """Fields of one that means none of the items; None where there is no such rule."""

    def rule(self, **fields: Any) -> Rule:
        return rule(kind=self.kind, **(self.example | fields))

    def test_its_kind_is_known(self) -> None:
        assert isinstance(self.rule(), KINDS[self.kind])

    def test_the_example_does_something(self) -> None:
        done = self.rule().apply(view(self.rule(), ITEMS))
        assert done.order.tolist() != list(range(len(ITEMS)))
        assert len(done.rows)

    @settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_a_permutation_or_a_subset(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(ITEMS)))
        order = data.draw(st.permutations(range(len(ITEMS))))[:n]
        seen = view(self.rule(), ITEMS, order)
        done = self.rule().apply(seen)
        found = done.order.tolist()
        assert len(set(found)) == len(found)
        if self.kind == "pin":  # it may put items in
            assert set(order) <= set(found)
        elif self.removes:
            assert set(found) | set(done.rows) == set(order)
            assert set(found).isdisjoint(done.rows)
            assert found == [row for row in order if row in found]
        else:
            assert sorted(found) == sorted(order)
            assert set(done.rows) <= set(found)
        assert seen.order.tolist() == list(order)
        if self.idempotent:
            again = self.rule().apply(view(self.rule(), ITEMS, found))
            assert again.order.tolist() == found

    def test_the_same_again(self) -> None:
        first, second = (self.rule().apply(view(self.rule(), ITEMS)) for _ in range(2))
        np.testing.assert_array_equal(first.order, second.order)
        assert list(first.rows) == list(second.rows)

    def test_an_empty_ranking(self) -> None:
        assert self.rule().apply(view(self.rule(), ITEMS, [])).order.shape in ((0,), (3,))
        assert self.rule().apply(view(self.rule(), [])).order.shape == (0,)

    def test_items_of_which_nothing_is_known(self) -> None:
        items = [unknown(f"u{n}") for n in range(5)]
        found = self.rule().apply(view(self.rule(), items)).order.tolist()
        assert found == ([] if self.kind == "filter" else list(range(5)))

    def test_nothing_meant_nothing_changed(self) -> None:
        if self.of_nobody is None:
            pytest.skip("such a rule means every item")
        done = self.rule(**self.of_nobody).apply(view(self.rule(**self.of_nobody), ITEMS))
        assert done.order.tolist() == list(range(len(ITEMS)))
        assert list(done.rows) == []

    def test_many_candidates(self) -> None:
        items = [item(n) for n in range(1_000)]
        done = self.rule().apply(view(self.rule(), items))
        assert set(done.order.tolist()) <= set(range(1_000))
        assert len(done.order) == 1_000 or self.removes

    def test_it_is_read_as_it_is_written(self) -> None:
        rules = RuleSet(rules=(self.rule(priority=3, note="why"),))  # type: ignore[arg-type]
        assert parse_rules(orjson.loads(rules.to_json())) == rules

    def test_an_unknown_key_is_named(self) -> None:
        with pytest.raises(
            DataError, match=r"unknown key 'prioritty' \(did you mean 'priority'\?\)"
        ):
            self.rule(prioritty=1)
