"""Fits that are killed and go on: where their checkpoints live, for how long, and their names."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

log = logging.getLogger(__name__)
_folder: ContextVar[Path | None] = ContextVar("checkpoints", default=None)
_ENDING = ".checkpoint"


@contextmanager
def checkpoints(folder: Path) -> Iterator[None]:
    """Let the neural fits inside keep checkpoints in a folder and go on from those they find.

    They are removed when the block ends well: a block that was killed between two fits finds the
    first one finished when it runs again. Without this block a fit keeps none.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)
    for path in folder.glob(f"*{_ENDING}*"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or another's files are in it
        folder.rmdir()


def fingerprint(
    name: str, options: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]
) -> str:
    """Return what tells one fit from another: its scorer, the hash of its options and its data."""
    import torch

    digest = hashlib.sha256(orjson.dumps([torch.__version__, options], option=_SORTED))
    for key, array in arrays.items():
        digest.update(orjson.dumps([key, array.dtype.str, array.shape]))
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{name}-{digest.hexdigest()[:20]}"


_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


class Checkpoint:
    """One file of tensors and numbers, or nothing outside of a `checkpoints` block.

    Parameters
    ----------
    name
        Of the fit and its part; tells its file from others.
    """

    def __init__(self, name: str) -> None:
        folder = _folder.get()
        self._path = folder / f"{name}{_ENDING}" if folder else None

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, None where nothing was or it cannot be read.

        Reading never runs code: tensors, numbers and texts are all that it takes.
        """
        import torch

        if self._path is None or not self._path.exists():
            return None
        try:
            found: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file costs the time to train, nothing else
            log.warning("%s cannot be read (%s): the fit starts anew", self._path, error)
            return None
        return found

    def save(self, values: Mapping[str, Any]) -> None:
        """Write tensors, numbers and texts; a killed write leaves what was there before."""
        import torch

        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(f"{_ENDING}.writing")
        torch.save(dict(values), aside)
        os.replace(aside, self._path)
