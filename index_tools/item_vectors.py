"""The vectors of changed items, by the encoder of each version that gets them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Stored, Version
from search_rerank.workspace import Workspace

Vectors = list[NDArray[np.float32] | None]


class ItemVectors:
    """Encodes items for versions; each encoder is read once from the home folder."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._encoders: dict[str, Encoder] = {}

    def can_encode(self, version: Version) -> bool:
        """Return whether the encoder of a version is in the home folder."""
        return self._workspace.encoder_folder(version.schema.encoder).is_dir()

    def of(
        self,
        version: Version,
        items: Sequence[Item],
        cache: VectorCache,
        before: Sequence[Stored] | None = None,
    ) -> Vectors:
        """Return float32 (dim,) of each item, None where it has no words or the index no vectors.

        Parameters
        ----------
        version
            Whose encoder makes them.
        items
            What is to be written.
        cache
            Of vectors made before.
        before
            What is stored of each item in this version: its vector stays where its text does.

        Raises
        ------
        BundleError
            Where the encoder of the version is not in the home folder.
        """
        if version.schema.dim == 0:
            return [None] * len(items)
        made: Vectors = [None if old is None else old.vector for old in before or ()]
        if before is None:
            made = [None] * len(items)
        new = [
            n
            for n, item in enumerate(items)
            if before is None or before[n].item.text() != item.text()
        ]
        if new:
            vectors = cache.encode(self._encoder(version), [items[n].text() for n in new])
            for n, vector in zip(new, vectors, strict=True):
                made[n] = vector if vector.any() else None
        return made

    def _encoder(self, version: Version) -> Encoder:
        fingerprint = version.schema.encoder
        if fingerprint not in self._encoders:
            self._encoders[fingerprint] = load_encoder(self._workspace.encoder_folder(fingerprint))
        return self._encoders[fingerprint]
