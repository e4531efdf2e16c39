from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.state import similar
from search_rerank.state.queries import QueryCounters
from search_rerank.state.similar import SimilarTexts, pieces

WORDS = st.text(alphabet="abc 1!é", max_size=12)


def test_pieces_are_of_letters_without_spaces() -> None:
    assert pieces("Halo 3!") == ["^ha", "hal", "alo", "lo3", "o3$"]
    assert pieces("halo3") == pieces("HALO  3")
    assert pieces("x") == ["^x$"]
    assert pieces(" #!/ ") == []
    assert pieces("aaaa") == ["^aa", "aaa", "aa$"]


def test_similarity_is_the_geometric_mean_of_both_shares() -> None:
    texts = SimilarTexts(["halo 3", "halo", "zelda"])
    number, similarity = texts.like("halo 3")
    assert number.tolist() == [0, 1]
    # Of `halo`, ^ha hal alo are held by two texts of three, lo3 o3$ by one, and lo$ is not asked.
    two, one = np.log1p(3 / 2), np.log1p(3 / 1)
    shared = 3 * two / (3 * two + 2 * one)
    np.testing.assert_allclose(similarity, [1, np.sqrt(shared * 3 / 4)])


def test_what_was_never_met_takes_from_the_similarity() -> None:
    number, similarity = SimilarTexts(["halo"]).like("haloxyz")
    assert number.tolist() == [0]
    # ^ha hal alo of 7 pieces are known; each weighs log(1 + 1) as all the others do.
    np.testing.assert_allclose(similarity, np.sqrt(3 / 7 * 3 / 4))


def test_nothing_like_it() -> None:
    assert SimilarTexts().like("halo")[0].tolist() == []
    assert SimilarTexts(["zelda"]).like("halo")[0].tolist() == []
    assert SimilarTexts(["zelda"]).like("#")[0].tolist() == []


def test_of_many_the_most_similar_have_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "MAX_SIMILAR", 2)
    texts = SimilarTexts(["halo wars", "halo", "halo 3", "halo"])
    number, similarity = texts.like("halo")
    assert number.tolist() == [1, 3]
    np.testing.assert_allclose(similarity, [1, 1])


def test_the_commonest_pieces_go_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = SimilarTexts([*(f"game {n:03}" for n in range(100)), "game zelda"])
    monkeypatch.setattr(similar, "_MAX_LOOKED_AT", 10)
    number, _ = texts.like("game zelda")
    assert number[0] == 100 and len(number) == 1


@given(st.lists(WORDS, max_size=20), WORDS)
def test_a_text_is_most_like_itself(past: list[str], text: str) -> None:
    number, similarity = SimilarTexts([*past, text]).like(text)
    assert ((similarity > 0) & (similarity <= 1 + 1e-9)).all()
    assert (np.diff(similarity) <= 0).all()
    if pieces(text):
        same = [n for n, one in enumerate([*past, text]) if pieces(one) == pieces(text)]
        assert set(same) <= set(number.tolist())
        np.testing.assert_allclose(similarity[: len(same)], 1)


def test_queries_that_were_dropped_have_no_say() -> None:
    counters = QueryCounters({"click": 1.0}, limit=2)
    for n, (query, uses) in enumerate({"halo 1": 1, "halo 2": 3, "halo 4": 3}.items()):
        counters.add_many([(query, "click", n, query, "u", None)] * uses)
    votes = counters.similar("halo 9", ["halo 1", "halo 2", "halo 4"], 9)[:, 0, 0]
    assert votes[0] == 0
    assert votes[1] == votes[2] > 0


def test_a_query_without_letters_has_its_own_say() -> None:
    counters = QueryCounters({"click": 1.0})
    counters.add_many([("a", "click", 0, "#!", "u", None), ("b", "click", 0, "?", "u", None)])
    assert counters.similar("#!", ["b", "a"], 0)[:, :, 0].tolist() == [[0, 0], [1, 1]]
