from __future__ import annotations

from search_rerank.state.queries import QueryCounters

GAINS = {"click": 1.0}


def counted(limit: int, *texts: str) -> QueryCounters:
    counters = QueryCounters(GAINS, limit)
    counters.add_many(("a", "click", n, text, f"u{n}", None) for n, text in enumerate(texts))
    return counters


def test_the_least_used_queries_go() -> None:
    often = [f"often {n}" for n in range(4)]
    rare = [f"rare {n}" for n in range(1000)]
    counters = counted(8, *often * 3, *rare)
    assert 8 <= len(counters) <= 10
    assert {query for query, _ in counters.starting_with("often", 9)} == set(often)
    assert counters.counts("often 0", ["a"], 0)[:, 1].tolist() == [3.0]
    assert counters.counts("rare 0", ["a"], 0)[:, 1].tolist() == [0.0]
    assert counters.counts("rare 999", ["a"], 0)[:, 1].tolist() == [1.0]


def test_a_query_that_went_is_suggested_no_more_and_may_come_back() -> None:
    counters = counted(4, *["old"] * 2, *[one for one in "abcd" for _ in range(3)], "x")
    assert [query for query, _ in counters.starting_with("", 9)] == list("abcd")
    counters.add_many([("a", "click", 99, "old", who, None) for who in ("u", "v", "w", "x")])
    assert counters.starting_with("", 1) == [("old", 4)]


def test_what_is_added_one_by_one_is_what_is_added_at_once() -> None:
    texts = [f"q{n * n % 17}" for n in range(200)]
    whole = counted(5, *texts)
    single = QueryCounters(GAINS, 5)
    for n, text in enumerate(texts):
        single.add_many([("a", "click", n, text, f"u{n}", None)])
    assert whole.starting_with("", 99) == single.starting_with("", 99)
