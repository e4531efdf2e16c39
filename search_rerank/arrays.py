"""Named arrays as one file: safetensors for numbers, npz where there are strings; no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_columns(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write named arrays, of strings too, as an npz."""
    named: dict[str, Any] = dict(arrays)
    np.savez(path, **named)


def read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_columns` wrote; arrays of objects are refused with a ValueError."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
