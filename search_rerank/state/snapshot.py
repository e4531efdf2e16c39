"""Counters in a file, so that a process that starts need not count the whole log again.

A snapshot holds ids of items, texts of queries and sums. Of shoppers it holds nothing but the keyed
hashes of `askers.py`, and a state that forgets one must drop the snapshots taken before.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson

from search_rerank.arrays import read_tensors, write_tensors
from search_rerank.errors import BundleError
from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS
from search_rerank.state.tally import Arrays, Tally

_LOG = logging.getLogger(__name__)
_LAYOUT = 1
_ABOUT = "about"


def take(tally: Tally, marks: Mapping[str, int]) -> Arrays:
    """Return a copy of counters, and up to which numbers of the state's logs they count.

    Of 20 million events it takes some tenths of a second, and `save` can be called when the
    counters may change again.
    """
    about = {**_fits(tally.gains), "marks": dict(marks)}
    text = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
    return {**tally.arrays(), _ABOUT: np.frombuffer(text, dtype=np.uint8)}


def save(path: Path, taken: Arrays) -> None:
    """Write a snapshot, aside and then renamed, so that readers see a whole one.

    Raises
    ------
    OSError
        Where it cannot be written; the one before is still there.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write_tensors(aside, {**taken, "digest": np.frombuffer(_digest(taken), dtype=np.uint8)})
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def load(path: Path, gains: Mapping[str, float]) -> tuple[Tally, dict[str, int]] | None:
    """Return the counters of a snapshot and their marks; None where there is none that fits.

    One that is damaged, or was made for other gains or by another release, is passed over with a
    line in the log: it only costs the time to count again.
    """
    if not path.exists():
        return None
    try:
        taken = read_tensors(path)
        about = _read_about(taken)
    except (BundleError, KeyError, ValueError) as error:
        _LOG.warning("snapshot of counters %s is damaged, and is not used: %s", path, error)
        return None
    marks = about.pop("marks")
    if about != _fits(gains):
        _LOG.info("snapshot of counters %s was made for other settings, and is not used", path)
        return None
    return Tally.from_arrays(gains, taken), cast(dict[str, int], marks)


def _fits(gains: Mapping[str, float]) -> dict[str, Any]:
    """Return what a snapshot must have been made with."""
    return {
        "layout": _LAYOUT,
        "gains": {name: float(gain) for name, gain in gains.items()},
        "half_lives_days": list(HALF_LIVES_DAYS),
        "query_half_lives_days": list(QUERY_HALF_LIVES_DAYS),
    }


def _read_about(taken: Arrays) -> dict[str, Any]:
    digest = taken.pop("digest").tobytes()
    if _digest(taken) != digest:
        raise ValueError("expected what its digest was made of, found something else")
    about = orjson.loads(taken.pop(_ABOUT).tobytes())
    return cast(dict[str, Any], about)


def _digest(arrays: Arrays) -> bytes:
    digest = blake2b()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.digest()
