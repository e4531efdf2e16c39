"""Vectors kept by what they are of, so that the same text is encoded once by any process."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.encoders.base import Encoder
from search_rerank.errors import DataError, SearchRerankError

_BATCH = 512


class VectorCache:
    """A SQLite file of vectors by encoder and text; safe with several processes.

    Parameters
    ----------
    path
        The file, made if need be.

    Attributes
    ----------
    encoded, reused
        How many different texts were encoded, and how many were found, since it was opened.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._errors():
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")  # a lost vector is encoded again
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS vectors "
                "(encoder TEXT, text BLOB, vector BLOB, PRIMARY KEY (encoder, text)) WITHOUT ROWID"
            )
        self.encoded = 0
        self.reused = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def encode(self, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), as the encoder would; only texts not kept are encoded."""
        vectors = np.zeros((len(texts), encoder.dim), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH]
            with self._errors():
                vectors[start : start + len(part)] = self._batch(encoder, part)
        return vectors

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SearchRerankError(
                f"{self._path}: expected a vector cache that can be read and written, found: "
                f"{error}; all in it can be computed again: free the disk, or delete the file"
            ) from None

    def _batch(self, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
        keys = [
            hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
            for text in texts
        ]
        found = self._find(encoder, list(dict.fromkeys(keys)))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        self.reused += len(found)
        if missing:
            made = encoder.encode(list(missing.values()))
            if made.shape != (len(missing), encoder.dim):
                raise DataError(
                    f"expected vectors of {encoder.dim} numbers from the encoder "
                    f"{encoder.fingerprint} for {len(missing)} texts, found shape {made.shape}"
                )
            rows = [
                (encoder.fingerprint, key, vector.tobytes())
                for key, vector in zip(missing, made, strict=True)
            ]
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", rows)
            self.encoded += len(missing)
            found |= dict(zip(missing, made, strict=True))
        return np.stack([found[key] for key in keys])

    def _find(self, encoder: Encoder, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        marks = ", ".join("?" * len(keys))
        rows = self._db.execute(
            f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})",
            (encoder.fingerprint, *keys),
        )
        size = 4 * encoder.dim
        return {
            key: np.frombuffer(vector, dtype=np.float32)
            for key, vector in rows
            if len(vector) == size
        }
