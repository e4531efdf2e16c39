"""The word score of the default settings, as the formula of BM25 on each engine."""

from math import log

import pytest

from search_rerank.data.item import parse_item
from search_rerank.engines.base import Document, IndexSchema, Retrieve
from search_rerank.engines.words import ALL_WORDS
from tests.engines.conftest import Open

TITLE, ALL = 3.0, 2.0
ROWS = (
    {"id": "x", "title": "small red lamp", "description": "zebra"},
    {"id": "y", "title": "large red lamp", "attributes": {"print": "zebra"}},
    {"id": "z", "title": "tall blue lamp owl"},
)


@pytest.fixture(params=["embedded", pytest.param("elastic", marks=pytest.mark.elasticsearch)])
def open_(request: pytest.FixtureRequest) -> Open:
    opener: Open = request.getfixturevalue(request.param)
    return opener


def lexical(open_: Open, text: str) -> dict[str, float]:
    engine = open_()
    version = engine.create(IndexSchema(0, "none"))
    engine.write(version, [Document(parse_item(row)) for row in ROWS])
    engine.seal(version)
    found = engine.retrieve(Retrieve(text), version)
    return dict(zip(found.ids, found.lexical.tolist(), strict=True))


def idf(n: int) -> float:
    return log(1 + (len(ROWS) - n + 0.5) / (n + 0.5))


def tf(length: float, mean: float) -> float:
    return 2.2 / (1 + 1.2 * (0.25 + 0.75 * length / mean))


def test_a_word_counts_wherever_it_stands(open_: Open) -> None:
    """All texts joined are four words of each item, so that nothing is longer than the mean."""
    expected = ALL_WORDS + ALL * idf(2) * tf(4, 4)
    assert lexical(open_, "zebra") == pytest.approx({"x": expected, "y": expected})


def test_a_word_of_the_title_counts_there_too(open_: Open) -> None:
    expected = ALL_WORDS + idf(1) * (ALL * tf(4, 4) + TITLE * tf(4, 10 / 3))
    assert lexical(open_, "owl") == pytest.approx({"z": expected})


def test_an_item_without_every_word_has_no_bonus(open_: Open) -> None:
    score = lexical(open_, "owl zebra")
    assert score["x"] == pytest.approx(ALL * idf(2) * tf(4, 4))
