"""The benchmarks on judgements, on a set small enough to know the figures."""

import numpy as np
import pytest

from benchmarks.congruence import congruence
from benchmarks.engines import ES_URL
from benchmarks.judged import indexed, protocol, quality
from search_rerank.data.item import Item
from search_rerank.data.judgements import Judgements

SMALL = Judgements(
    "small",
    [
        Item(id="a", title="red shoes"),
        Item(id="b", title="red shirt"),
        Item(id="c", title="green hat"),
    ],
    {"red shoes": {"b": 1.0, "a": 0.0}, "nothing": {"c": 2.0}, "hat": {"c": 0.0}},
)


def test_figures_of_a_small_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ES_URL, raising=False)
    seconds: dict[str, float] = {}
    with indexed(SMALL, (), "hashing", None, seconds) as systems:
        rows = {row["system"]: row for row in quality(systems, np.random.default_rng(0))}
        assert congruence(systems, "color") == []
        assert "2 of 3 queries" in protocol(systems, "hashing", "gains")
    assert set(seconds) == {"encode", "index_embedded"}
    words = rows["embedded_words"]
    # "red shoes" finds a, then b, whose gain alone counts; "nothing" finds nothing.
    assert words["nDCG@10"] == pytest.approx((1 / np.log2(3) + 0) / 2)
    assert words["recall@200"] == pytest.approx((1 + 0) / 2)
    assert words["judged@10"] == pytest.approx((2 / 2 + 0) / 2)
    # Of the judged ones c is there for "nothing", although no word matches.
    assert words["judged_nDCG"] == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert words["judged_nDCG@10"] == words["judged_nDCG"]
    assert rows["embedded_vectors"]["judged_nDCG"] == words["judged_nDCG"]
    difference = rows["embedded_hybrid minus embedded_words"]["nDCG@10"]
    assert difference == pytest.approx(rows["embedded_hybrid"]["nDCG@10"] - words["nDCG@10"])
