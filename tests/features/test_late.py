"""Late columns: a cross-encoder asked about a few candidates, stood in for by one that counts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.encoders.cross import CrossEncoder
from search_rerank.errors import MissingExtra
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.late import CrossEncoded
from search_rerank.features.moment import read_moment
from search_rerank.fusion.cascade import Cascade, fuse_within
from search_rerank.fusion.stage import Stage
from search_rerank.fusion.weighted import Weighted
from search_rerank.query import Query
from search_rerank.state.memory import MemoryState
from tests.features.worlds import GAINS, candidates, catalogue

TEXTS = {"boot": "winter boot", "shoe": "trail shoe", "lamp": "desk lamp"}


@dataclass
class Counting:
    """The score of a text is how many of its letters the query has; what was asked is kept."""

    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append((query, list(texts)))
        return np.array([sum(c in query for c in text) for text in texts], dtype=np.float32)


def builder(pairs: Counting) -> FeatureBuilder:
    late = CrossEncoded(lambda: pairs, lambda ids: [TEXTS.get(id_) for id_ in ids])
    return FeatureBuilder(catalogue(), [], [late])


def build(pairs: Counting, text: str, *ids: str):
    query = Query(text=text, now_ms=1)
    moment = read_moment(query, candidates(*ids), catalogue(), MemoryState(GAINS), GAINS, 10)
    return builder(pairs).build(moment)[0]


def test_nothing_is_asked_until_a_fusion_wants_it() -> None:
    pairs = Counting()
    table = build(pairs, "lamp", "boot", "lamp")
    assert "cross_encoder" not in table.names and pairs.asked == []
    values = table.late["cross_encoder"](np.array([1]))
    assert values.dtype == np.float32 and values.tolist() == [4.0]  # l, a, m, p
    assert pairs.asked == [("lamp", ["desk lamp"])]


def test_the_same_row_is_asked_about_once() -> None:
    """Training fits twice on the same rows: what is dear is computed for the first time only."""
    pairs = Counting()
    late = build(pairs, "lamp", "boot", "shoe", "lamp").late["cross_encoder"]
    first = late(np.array([2, 0]))
    again = late(np.array([0, 1, 2]))
    assert again[[2, 0]].tolist() == first.tolist()
    assert [texts for _, texts in pairs.asked] == [["desk lamp", "winter boot"], ["trail shoe"]]


def test_what_is_gone_and_what_was_not_asked_in_words_have_no_opinion() -> None:
    pairs = Counting()
    values = build(pairs, "lamp", "mug", "lamp").late["cross_encoder"](np.array([0, 1]))
    assert np.isnan(values[0]) and values[1] > 0
    assert np.isnan(build(pairs, " ", "lamp").late["cross_encoder"](np.array([0]))).all()
    assert len(pairs.asked) == 1


def test_a_last_stage_reorders_the_first_candidates_by_it() -> None:
    pairs = Counting()
    table = build(pairs, "lamp", "boot", "shoe", "lamp")
    first = Weighted(("query.engine_score",), (1.0,))
    last = Stage(Weighted(("cross_encoder",), (1.0,)), 2, 0.5, ("cross_encoder",))
    two = Cascade((Stage(first, None, 0.5), last))
    scores, short = fuse_within(two, table, None)
    assert short == []
    assert np.argsort(-scores).tolist() == [1, 0, 2]  # the lamp stood third and was not asked about
    wide, _ = fuse_within(Cascade((two.stages[0], replace(last, size=3))), table, 10_000.0)
    assert np.argmax(wide) == 2


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"cross-encoder.*pip install 'search-rerank\[trans"):
        CrossEncoder("any")


def test_a_model_in_a_folder_scores_pairs(tmp_path) -> None:
    """A tiny model with weights of its own, made here: no download."""
    pytest.importorskip(
        "sentence_transformers", reason="pip install 'search-rerank[transformers]' to run it"
    )
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "desk", "lamp", "boot"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    model = CrossEncoder(str(tmp_path))
    scores = model.score("lamp", ["desk lamp", "boot", "desk lamp"])
    assert scores.shape == (3,) and scores.dtype == np.float32
    assert scores[0] == pytest.approx(scores[2], abs=1e-5) and scores[0] != scores[1]
    assert len(model.score("lamp", [])) == 0
