"""A load's own facts put to the verification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from index_tools.checkpoints import Checkpoint
from index_tools.touched import Touched
from index_tools.verify import Read, Searched, Verification
from search_rerank.config import Config
from search_rerank.data.item import Item
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, live_version
from search_rerank.workspace import Workspace


class Sample:
    """An even sample of a stream of unknown length (algorithm R; Vitter, 1985)."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self._rng = rng
        self._size = size
        self.items: list[Item] = []

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on and keep some."""
        for n, item in enumerate(items):
            if n < self._size:
                self.items.append(item)
            elif (place := int(self._rng.integers(n + 1))) < self._size:
                self.items[place] = item
            yield item


def problems_of(
    config: Config,
    engine: Engine,
    encoder: Encoder,
    state: Checkpoint,
    refused: Refused,
    source: tuple[Path, str | None],
    sample: Sample,
    queries: Sequence[str],
) -> list[str]:
    """Return what is wrong with the version that a load has written; see `Verification.problems`.

    Parameters
    ----------
    config, engine, encoder
        Thresholds and home folder, the index, and what made the vectors.
    state
        What was written.
    refused
        What was not.
    source
        The file, and what messages call it.
    sample
        Items to look up and to search by title.
    queries
        More searches to try.
    """
    live, searched = live_version(engine), None
    version = next(v for v in engine.versions() if v.name == state.version)
    if live is not None:
        folder = Workspace(config).encoder_folder(live.schema.encoder)
        searched = Searched(live, load_encoder(folder) if folder.is_dir() else None)
    path, name = source
    read = Read(state.written + state.unchanged + state.stale, len(refused), refused.cut_off)
    taken = (item for item in read_items(path, Refused(), name) if item.id not in state.refused)
    kept = [item for item in sample.items if item.id not in state.refused]
    new = Searched(version, encoder)
    touched = Touched(config.home)
    verification = Verification(
        config.load, engine, new, searched, lambda: touched.ids(state.version)
    )
    return verification.problems(read, taken, kept, queries)
