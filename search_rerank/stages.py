"""How long each stage of an answer took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


@contextmanager
def stage(name: str, timings_ms: dict[str, float]) -> Iterator[None]:
    """Add what happens inside to the time of a stage, in milliseconds."""
    start = perf_counter()
    try:
        yield
    finally:
        spent = (perf_counter() - start) * 1000
        timings_ms[name] = round(timings_ms.get(name, 0.0) + spent, 3)
