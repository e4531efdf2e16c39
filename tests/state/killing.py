"""Processes that store events, keep the file in shape and are killed; run by test_killed.py.

Usage: python -m tests.state.killing FILE KILLS SEED. Prints the ids that were acknowledged.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from search_rerank.state.sqlite import SqliteState
from tests.state.contract import GAINS, did, page

SEGMENT = 100


def work(path: Path, name: str, acknowledged: int) -> None:
    """Store events until the end, which comes unasked; write the ids of those that are stored."""
    rng = random.Random(name)
    state = SqliteState(path, GAINS, segment_events=SEGMENT)
    for n in range(1_000_000):
        now_ms = time.time_ns() // 1_000_000
        ids = [f"{name}.{n}.{k}" for k in range(rng.randint(1, 8))]
        if state.append([did(id_, time_ms=now_ms, user=f"u{n % 7}") for id_ in ids]) == len(ids):
            os.write(acknowledged, "".join(f"{id_}\n" for id_ in ids).encode())
        if state.show([page(f"{name}.{n}.page", "a", "b", time_ms=now_ms)]) == 1:
            os.write(acknowledged, f"{name}.{n}.page\n".encode())
        if n % 5 == 4:
            state.maintain(now_ms)
        if n % 20 == 19:
            state.expire(now_ms - 2000)


def main(path: Path, kills: int, seed: int) -> None:
    """Begin two at a time, and kill each at a moment that nobody knows."""
    rng = random.Random(seed)
    out = sys.stdout.fileno()
    for kill in range(0, kills, 2):
        children = []
        for name in (f"p{kill}", f"p{kill + 1}"):
            child = os.fork()
            if not child:
                work(path, name, out)
            children.append(child)
        for child in children:
            time.sleep(rng.uniform(0.02, 0.3))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
