"""The counters of queries as a plain dictionary: what the compact ones must say, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS, SHARPNESS
from search_rerank.state.queries import Row, normalise_query
from search_rerank.state.similar import SimilarTexts

DAY_MS = 86_400_000
GAINS = {"click": 1.0, "cart": 2.0, "purchase": 3.0}
ITEMS = [*"abcde", "never"]
NOW_MS = 400 * DAY_MS

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.sampled_from([*GAINS, "stare"]),
        st.integers(0, NOW_MS),
        st.sampled_from([None, "q", "Q ", "red shoe", "red shoes", "shoe", "", "#!"]),
        st.sampled_from([None, "u", "v", "w"]),
        st.sampled_from([None, "s", "t", "x"]),
    ).filter(lambda row: row[4] is not None or row[5] is not None),
    max_size=40,
)


def item_sums(rows: Iterable[Row]) -> np.ndarray:
    """Return (len(ITEMS), half-lives)."""
    sums = np.zeros((len(ITEMS), len(HALF_LIVES_DAYS)))
    for item, type_, time_ms, *_ in rows:
        sums[ITEMS.index(item)] += GAINS.get(type_, 0) * _left(time_ms, HALF_LIVES_DAYS)
    return sums


def query_sums(rows: Iterable[Row]) -> dict[str, np.ndarray]:
    """Return query to (len(ITEMS), half-lives)."""
    sums: dict[str, np.ndarray] = defaultdict(
        lambda: np.zeros((len(ITEMS), len(QUERY_HALF_LIVES_DAYS)))
    )
    for item, type_, time_ms, query, *_ in rows:
        if query is not None:
            gain = GAINS.get(type_, 0) * _left(time_ms, QUERY_HALF_LIVES_DAYS)
            sums[normalise_query(query)][ITEMS.index(item)] += gain
    return sums


def similar_sums(rows: Sequence[Row], query: str) -> np.ndarray:
    """Return (len(ITEMS), sharpness, half-lives)."""
    by_query = query_sums(rows)
    texts = list(by_query)
    number, similarity = SimilarTexts(texts).like(normalise_query(query))
    near = dict(zip((texts[n] for n in number.tolist()), similarity.tolist(), strict=True))
    if normalise_query(query) in by_query:
        near[normalise_query(query)] = 1.0
    sums = np.zeros((len(ITEMS), len(SHARPNESS), len(QUERY_HALF_LIVES_DAYS)))
    for text, one in near.items():
        sums += (one ** np.array(SHARPNESS))[:, None] * by_query[text][:, None, :]
    return sums


def past_queries(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Return the queries that two shoppers asked, and their uses, most used first."""
    uses: dict[str, int] = defaultdict(int)
    first: dict[str, set[str]] = defaultdict(set)
    shared = set()
    for _, _, _, query, user, session in rows:
        if query is None:
            continue
        text = normalise_query(query)
        uses[text] += 1
        names = {f"user {user}", f"session {session}"} - {"user None", "session None"}
        if first[text] and not first[text] & names:
            shared.add(text)
        elif text not in shared:
            first[text] |= names
    return sorted(((t, uses[t]) for t in shared if t), key=lambda pair: (-pair[1], pair[0]))


def _left(time_ms: int, half_lives_days: Sequence[float]) -> np.ndarray:
    return 2.0 ** (-(NOW_MS - time_ms) / (DAY_MS * np.array(half_lives_days)))
