"""What a taken item is worth to the shop, by arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.item import Item
from search_rerank.errors import ConfigError
from search_rerank.labels.objectives import worth


def shelf(n: int = 101, **more: Any) -> list[Item]:
    """Return items of margins 0, 1, …, n - 1."""
    return [Item(id=str(i), title="x", attributes={"margin": float(i)}, **more) for i in range(n)]


def test_a_label_is_the_weighted_mean_of_what_the_objectives_say() -> None:
    found = worth(shelf(), {"relevance": 1.0, "margin": 0.5})
    assert found is not None
    # 5 and 95 are the percentiles between which a margin counts.
    due = (1.0 * 1 + 0.5 * np.clip((np.arange(101) - 5) / 90, 0, 1)) / 1.5
    assert found == pytest.approx(due)
    assert found[0] == pytest.approx(2 / 3) and found[-1] == pytest.approx(1.0)


def test_stock_counts_all_or_nothing_and_unknown_stock_is_stock() -> None:
    items = [Item(id=str(n), title="x", in_stock=of) for n, of in enumerate((True, False, None))]
    found = worth(items, {"relevance": 3.0, "in_stock": 1.0})
    assert found == pytest.approx([1.0, 3 / 4, 1.0])


def test_an_item_without_the_number_is_worth_the_mean_of_the_others() -> None:
    items = [*shelf(), Item(id="x", title="x", attributes={"margin": "much"})]
    found = worth(items, {"margin": 1.0})
    assert found is not None
    assert found[-1] == pytest.approx(found[:-1].mean())


def test_an_objective_on_which_all_are_alike_prefers_none() -> None:
    items = [Item(id=str(n), title="x", price=5.0) for n in range(3)]
    assert worth(items, {"relevance": 1.0, "price": 1.0}) == pytest.approx([0.75] * 3)


@pytest.mark.parametrize("weights", [{"relevance": 1.0}, {"relevance": 2.0, "margin": 0.0}])
def test_relevance_alone_changes_nothing(weights: dict[str, float]) -> None:
    assert worth(shelf(), weights) is None


def test_worth_stays_between_none_and_all() -> None:
    items = shelf(in_stock=False)
    for weights in ({"margin": 2.0}, {"relevance": 0.1, "margin": 1, "in_stock": 3.0}):
        found = worth(items, weights)
        assert found is not None and found.min() >= 0 and found.max() <= 1


def test_a_number_that_no_item_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'margn' to be a number of some item.*'margin'"):
        worth(shelf(), {"relevance": 1.0, "margn": 0.5})


def test_some_objective_needs_a_weight() -> None:
    with pytest.raises(ValidationError, match="an objective with a weight above 0"):
        LabelsConfig(objectives={"relevance": 0.0})
