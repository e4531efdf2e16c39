"""`search-rerank events maintain`: what is due is done, and said."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from search_rerank.config import parse_config
from search_rerank.data.event import Interaction
from search_rerank.state.opening import open_event_log, open_state
from tests.spine.world import run

DAY_MS = 86_400_000


def test_what_is_due_is_done(tmp_path: Path) -> None:
    settings = {
        "home": str(tmp_path / "home"),
        "state": {"log_segment_events": 100, "retention_days": 10, "log_days": 100},
    }
    now_ms = time.time_ns() // 1_000_000
    days = [200] * 100 + [50] * 100 + [5] * 100
    events = [
        Interaction(id=f"{n}", user="u", item="a", type="click", time_ms=now_ms - day * DAY_MS)
        for n, day in enumerate(days)
    ]
    with closing(open_state(parse_config(settings))) as state:
        assert state.append(events) == 300
    done = run(settings, tmp_path, "events", "maintain")
    assert done.output == (
        "3 segments of the log sealed, 200 events out of the histories, 1 old segments dropped\n"
    )
    with closing(open_state(parse_config(settings))) as state:
        assert len(state) == 100
    with open_event_log(parse_config(settings)) as log:
        assert [event.id for event in log.all()] == [f"{n}" for n in range(100, 300)]
    again = run(settings, tmp_path, "events", "maintain")
    assert again.output.startswith("0 segments of the log sealed, 0 events")
