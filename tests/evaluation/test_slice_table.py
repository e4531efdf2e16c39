import numpy as np
import pytest

from search_rerank.errors import ConfigError
from search_rerank.evaluation.compare import bootstrap_ci
from search_rerank.evaluation.correction import corrected
from search_rerank.evaluation.power import detectable
from search_rerank.evaluation.slice_table import slice_table
from search_rerank.evaluation.slices import Slice

Q = 300
SHOPPERS = [f"s{n // 3}" for n in range(Q)]
TAIL = np.arange(Q) % 4 == 0
SLICES = [Slice("demand", "tail", TAIL), Slice("demand", "head", ~TAIL)]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def values() -> dict[str, np.ndarray]:
    """A system that is better on the tail and nowhere else."""
    base = rng().random(Q)
    noise = rng().normal(0, 0.05, Q)
    return {"base": base, "ours": base + noise + 0.2 * TAIL}


def test_a_gain_is_found_in_the_slice_that_has_it() -> None:
    rows = slice_table(values(), SLICES, "base", rng(), SHOPPERS)
    assert [(row.by, row.name, row.system) for row in rows] == [
        ("demand", "tail", "base"),
        ("demand", "tail", "ours"),
        ("demand", "head", "base"),
        ("demand", "head", "ours"),
    ]
    base, ours, _, head = rows
    assert (base.difference, base.corrected_p, base.detectable) == (None, None, None)
    assert ours.difference is not None and head.difference is not None
    assert ours.difference.mean == pytest.approx(0.2, abs=0.02)
    assert ours.corrected_p is not None and ours.corrected_p < 0.001
    assert head.corrected_p is not None and head.corrected_p > 0.05
    assert [ours.corrected_p, head.corrected_p] == corrected([ours.difference.p, head.difference.p])


def test_a_slice_is_as_if_there_were_no_other_queries() -> None:
    ours = slice_table(values(), SLICES[:1], "base", rng(), SHOPPERS)[1]
    inside = values()["ours"][TAIL]
    shoppers = [one for one, tail in zip(SHOPPERS, TAIL, strict=True) if tail]
    assert (ours.queries, ours.shoppers) == (len(inside), len(set(shoppers)))
    assert ours.mean == pytest.approx(inside.mean())
    assert ours.ci95 == pytest.approx(bootstrap_ci(inside, rng(), clusters=shoppers), abs=0.02)
    assert ours.detectable == pytest.approx(detectable(inside, values()["base"][TAIL], shoppers))


def test_an_empty_slice_has_no_rows_and_one_shopper_no_proof() -> None:
    nobody, one = np.zeros(Q, dtype=bool), np.arange(Q) < 3
    rows = slice_table(
        values(), [Slice("a", "none", nobody), Slice("a", "one", one)], "base", rng(), SHOPPERS
    )
    assert [row.name for row in rows] == ["one", "one"]
    assert (rows[1].shoppers, rows[1].corrected_p, rows[1].detectable) == (1, 1, None)


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 300 queries in words: 1, found 2"):
        slice_table(values(), [Slice("words", "1", np.ones(2, dtype=bool))], "base", rng())
    with pytest.raises(ConfigError, match="unknown baseline 'x'"):
        slice_table(values(), SLICES, "x", rng())
