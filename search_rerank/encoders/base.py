"""What an encoder must do: text to unit vectors, the same text always to the same one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """Turns texts into vectors whose cosine is closeness in meaning."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def fingerprint(self) -> str:
        """A name that two encoders share only if they give the same vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), unit rows (a zero row for a text without any known word).

        The same text gives the same row whatever batch it comes in.
        """

    def save(self, folder: Path) -> None:
        """Write what `search_rerank.encoders.load_encoder` needs: JSON and arrays, no pickle."""
