"""Fitted scorers kept between runs, so that what takes long is fitted once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from search_rerank.errors import BundleError
from search_rerank.scorers import create, restore
from search_rerank.scorers.base import Scorer


def kept(stem: Path, name: str, options: Mapping[str, Any]) -> Scorer | None:
    """Return the scorer that `keep` wrote, None where there is none of these options and arrays."""
    settings, arrays = stem.with_suffix(".json"), stem.with_suffix(".npz")
    wanted = create(name, options).options()
    if not (settings.exists() and arrays.exists()) or orjson.loads(settings.read_bytes()) != wanted:
        return None
    with np.load(arrays, allow_pickle=False) as found:
        try:
            return restore(name, wanted, dict(found))
        except BundleError:  # another version's
            return None


def keep(stem: Path, scorer: Scorer) -> None:
    """Write a fitted scorer: its arrays beside its options."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = dict(scorer.arrays())
    np.savez(stem.with_suffix(".npz"), **arrays)
    stem.with_suffix(".json").write_bytes(orjson.dumps(dict(scorer.options())))
