"""The log of a state file: the contract, and what is only of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.errors import StateError
from search_rerank.state.sqlite import SqliteState, StoredLog
from tests.state.contract import GAINS
from tests.state.contract_log import LogContract, Open


class TestStoredLog(LogContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "state.sqlite3"

    @pytest.fixture
    def state(self, path: Path) -> Iterator[SqliteState]:
        state = SqliteState(path, GAINS)
        yield state
        state.close()

    @pytest.fixture
    def open_log(self, path: Path) -> Open:
        return lambda: StoredLog(path)


def test_a_missing_file_is_an_error_and_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with pytest.raises(StateError, match=r"state .*state.sqlite3: unable to open"):
        StoredLog(path)
    assert not path.exists()
