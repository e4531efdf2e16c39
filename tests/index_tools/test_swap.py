"""Searches never fail and never find nothing while versions come and go."""

from pathlib import Path

import pytest

from benchmarks.swap import catalogue, swap
from search_rerank.config import Config
from tests.index_tools.conftest import ON_BOTH

pytestmark = [ON_BOTH, pytest.mark.slow]


def test_no_search_fails_and_no_change_is_lost(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "swap.jsonl"
    catalogue(file, 1_000)
    counts = swap(config, file, rounds=2)
    assert len(counts.milliseconds) > 50
    assert counts.failed == []
    assert counts.empty == 0
    assert counts.lost == []
