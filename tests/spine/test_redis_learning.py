"""Training and updating where the state, and so the log, is on a Redis server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from search_rerank.config import parse_config
from search_rerank.data.event import Interaction
from search_rerank.state.opening import open_state
from tests.spine.world import SMALL, World, run
from tests.state.redis_server import RedisServer


@pytest.mark.slow
def test_what_the_server_knows_is_learnt_from(world: World, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    settings = {
        **SMALL,
        "training": {"trees": 2, "max_rankings": 20},
        "home": str(tmp_path / "home"),
        "state": {"kind": "redis", "url": server.url},
    }
    try:
        trained = run(settings, tmp_path, "train", "--data", str(world.data))
        assert trained.exit_code == 0, (trained.output, trained.exception)
        with closing(open_state(parse_config(settings))) as state:
            n = len(state)
            assert f"the service knows the log: {n:,} interactions, {n:,} new" in trained.output
            item = world.made.items[0].id
            new = Interaction(id="new", user="u", item=item, type="click", time_ms=world.now_ms)
            assert state.append([new]) == 1
        updated = run(settings, tmp_path, "update")
        assert updated.output.startswith("1 new interactions; 0 new items"), updated.output
        with closing(open_state(parse_config(settings))) as state:
            ((user, count), *_) = state.shoppers(1)
            assert state.forget(user, world.now_ms).interactions == count > 0
        again = run(settings, tmp_path, "update")
        assert again.output == "nothing new: the bundle stays as it is\n"
    finally:
        server.kill()
