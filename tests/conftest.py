"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from search_rerank.data.layouts import DATA_ROOT_VARIABLE, data_root


@pytest.fixture(scope="session")
def public_data() -> Callable[[str], Path]:
    """Return the folder of a public data set by its name; a test without it is skipped."""

    def folder(name: str) -> Path:
        path = data_root() / name
        if not path.is_dir():
            pytest.skip(f"public data set not there: {path} ({DATA_ROOT_VARIABLE} names another)")
        return path

    return folder
