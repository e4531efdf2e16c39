from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from search_rerank.state.base import State
from search_rerank.state.memory import MemoryState
from tests.state.contract import DAY_MS, GAINS, StateContract, did, page
from tests.state.contract_log_in import LogInContract
from tests.state.contract_queries import OwnQueriesContract
from tests.state.redis_server import RedisServer, opened

pytestmark = pytest.mark.slow


class TestRedisState(StateContract, LogInContract, OwnQueriesContract):
    @pytest.fixture
    def state(self, redis_server: RedisServer) -> Iterator[State]:
        state = opened(redis_server.url, prefix=uuid4().hex)
        yield state
        state.close()


_TIMES = st.integers(0, 40).map(lambda days: days * DAY_MS)
_EVENTS = st.lists(
    st.builds(
        did,
        id=st.integers(0, 30).map(str),
        item=st.sampled_from("abc"),
        time_ms=_TIMES,
        user=st.sampled_from(["u", "v", None]),
        session=st.sampled_from(["s", "t"]),
        type=st.sampled_from(["click", "cart", "purchase", "stare"]),
        query=st.sampled_from([None, "q", "Q ", "r"]),
    ),
    max_size=20,
)
_PAGES = st.lists(
    st.builds(
        lambda id, items, time_ms, user, session: page(
            id, *items, time_ms=time_ms, user=user, session=session
        ),
        st.integers(0, 20).map(str),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        _TIMES,
        st.sampled_from(["u", "v", None]),
        st.sampled_from(["s", "t"]),
    ),
    max_size=10,
)
_STEPS = st.lists(
    st.tuples(st.just("append"), _EVENTS)
    | st.tuples(st.just("show"), _PAGES)
    | st.tuples(st.just("forget"), st.sampled_from("uv"), _TIMES)
    | st.tuples(st.just("expire"), _TIMES)
    | st.tuples(st.just("set_opted_out"), st.sampled_from("uv"), st.booleans()),
    max_size=8,
)
_NOW = 41 * DAY_MS


def _counted(state: State) -> list[np.ndarray]:
    counts = state.item_counts(list("abcd"), _NOW)
    ask = ("q", list("abcd"), _NOW)
    return [counts.decayed, counts.shown, state.query_counts(*ask), state.similar_counts(*ask)]


@pytest.mark.slow
@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS, n=st.integers(1, 12))
def test_it_answers_as_memory_does(
    redis_server: RedisServer, steps: list[tuple[str, Any]], n: int
) -> None:
    """In a worker that looks after each step, in one that looks at the end, and in a new one."""
    memory = MemoryState(GAINS)
    prefix = uuid4().hex
    state, late = (opened(redis_server.url, prefix) for _ in range(2))
    _counted(late)
    for at, (name, *arguments) in enumerate(steps):
        before = [step[0] for step in steps[:at]]
        if name == "forget" and ("expire" in before or "forget" in before):
            # Memory keeps no log, in which what has expired would be found; and it tells a session
            # without claims from one whose claims are forgotten.
            continue
        if name in ("append", "show") and "expire" in before:
            # A server knows the id of what has expired for as long as its log holds it.
            known = {one.id for step in steps[:at] if step[0] == name for one in step[1]}
            arguments = [[one for one in arguments[0] if one.id not in known]]
        ours, theirs = (getattr(one, name)(*arguments) for one in (state, memory))
        assert ours == theirs, name
        for user in (None, "u", "v"):
            for session in (None, "s", "t"):
                assert list(state.history(user, session, n)) == list(
                    memory.history(user, session, n)
                )
                assert list(state.shown(user, session, n)) == list(memory.shown(user, session, n))
        assert len(state) == len(memory)
        assert state.mark() == memory.mark()
        assert list(state.shoppers(3)) == list(memory.shoppers(3))
        assert list(state.past_queries("", 3)) == list(memory.past_queries("", 3))
        for ours, theirs in zip(_counted(state), _counted(memory), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    with closing(opened(redis_server.url, prefix)) as new:
        for other in (late, new):
            for ours, theirs in zip(_counted(other), _counted(memory), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    state.close()
    late.close()
