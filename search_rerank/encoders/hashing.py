"""The encoder that needs no download: hashed words and character n-grams, tf-idf, SVD."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.encoders.words import BUCKETS, features, words
from search_rerank.errors import BundleError, DataError

KIND = "hashing"
FIT_TEXTS = 20_000
"""A larger catalogue is fitted on so many of its texts, drawn evenly."""
_MAX_CELLS = 10_000_000
_MAX_ROWS = 1 << 16
_MAX_CACHED_WORDS = 50_000
_ABSENT = -1


class HashingEncoder:
    """Sums one vector for each word of a text: tf-idf features projected by an SVD.

    A word is its own feature and, at a lower weight, its 3- and 4-grams, so that a misspelt or
    unseen word still lies near its kin. Latent semantic analysis (Deerwester et al., 1990) over
    hashed features (Weinberger et al., 2009); unlike there, hash signs are not used, and the
    singular values weigh by their square root, so that frequent themes drown rare ones less.

    Parameters
    ----------
    buckets
        int32 (m,), ascending: the hash value of each feature that is known.
    projection
        float32 (m, dim), idf times the feature's place in the space.
    """

    def __init__(self, buckets: NDArray[np.int32], projection: NDArray[np.float32]) -> None:
        self._buckets = buckets
        self._projection = projection
        self._row = np.full(BUCKETS, _ABSENT, dtype=np.int32)
        self._row[buckets] = np.arange(len(buckets), dtype=np.int32)
        self._word_vectors: dict[str, NDArray[np.float32]] = {}
        digest = hashlib.blake2b(digest_size=12)
        digest.update(str(projection.shape).encode())
        digest.update(np.ascontiguousarray(buckets, dtype="<i4").tobytes())
        digest.update(np.ascontiguousarray(projection, dtype="<f4").tobytes())
        self._fingerprint = f"{KIND}-{digest.hexdigest()}"

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._projection.shape[1])

    @property
    def fingerprint(self) -> str:
        """`hashing-` and a hash of the fitted arrays."""
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), unit rows, a zero row for a text without any known word."""
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            for word, count in words(text).items():
                # One addition after the other: a row does not depend on its batch.
                row += np.float32(1 + np.log(count)) * self._word(word)
            length = np.sqrt(row @ row)
            if length > 0:
                row /= length
        return out

    def _word(self, word: str) -> NDArray[np.float32]:
        vector = self._word_vectors.get(word)
        if vector is None:
            known = self._row[features(word)]
            weights = _weights(len(known))
            present = known != _ABSENT
            vector = weights[present] @ self._projection[known[present]]
            if len(self._word_vectors) >= _MAX_CACHED_WORDS:
                # Threads share the dictionary: a new one is safe where clearing is not.
                self._word_vectors = {}
            self._word_vectors[word] = vector
        return vector

    @classmethod
    def fit(cls, texts: Iterable[str], dim: int, seed: int) -> HashingEncoder:
        """Learn the space from texts; the same texts and seed give the same bytes.

        Parameters
        ----------
        texts
            The catalogue's; at most `FIT_TEXTS` of them are held and used, drawn by `seed`.
        dim
            Length of the vectors; fewer where the texts or their features are fewer.

        Raises
        ------
        DataError
            Where the texts hold fewer than two different words.
        """
        from scipy.sparse import csr_matrix

        sample = [words(text) for text in _sample(texts, np.random.default_rng(seed))]
        vocabulary = {word: n for n, word in enumerate(sorted(set(chain(*sample))))}
        if len(vocabulary) < 2:
            raise DataError(
                f"expected texts with at least two different words to fit the encoder on, found "
                f"{len(vocabulary)}: is the catalogue empty?"
            )
        counts = csr_matrix(
            (
                np.array([1 + np.log(n) for bag in sample for n in bag.values()], dtype=np.float32),
                [vocabulary[word] for bag in sample for word in bag],
                np.cumsum([0, *map(len, sample)]),
            ),
            shape=(len(sample), len(vocabulary)),
        )  # (texts, words)
        parts = [features(word) for word in vocabulary]
        weights = np.concatenate([_weights(len(part)) for part in parts])
        spelled = csr_matrix(
            (weights, list(chain(*parts)), np.cumsum([0, *map(len, parts)])),
            shape=(len(vocabulary), BUCKETS),
        )  # (words, buckets)
        tf = (counts @ spelled).tocsr()  # (texts, buckets)
        df = np.bincount(tf.indices, minlength=BUCKETS)
        # Frequent features first, ties by number; what one text alone has says nothing of others.
        most = min(_MAX_ROWS, _MAX_CELLS // dim)
        order = np.lexsort((np.arange(BUCKETS), -df))[:most]
        least = 2 if np.count_nonzero(df >= 2) >= 2 else 1
        buckets = np.sort(order[df[order] >= least]).astype(np.int32)
        idf = (np.log((1 + len(sample)) / (1 + df[buckets])) + 1).astype(np.float32)
        tfidf: Any = tf[:, buckets].multiply(idf)
        space = _space(tfidf.tocsr(), dim, seed)
        projection: NDArray[np.float32] = idf[:, None] * space
        return cls(buckets, projection)

    def save(self, folder: Path) -> None:
        """Write `encoder.json` and `encoder.npz` into a folder, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "encoder.npz", buckets=self._buckets, projection=self._projection)
        about = {"kind": KIND, "dim": self.dim, "fingerprint": self.fingerprint}
        (folder / "encoder.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, about: dict[str, Any]) -> HashingEncoder:
        """Read what `save` wrote; `about` is the content of its `encoder.json`.

        Raises
        ------
        BundleError
            Where the arrays are missing, damaged or not those that were saved.
        """
        path = folder / "encoder.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                buckets, projection = arrays["buckets"], arrays["projection"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise BundleError(
                f"{path}: expected the arrays of an encoder, found {error}: load the catalogue "
                f"again with --refit-encoder"
            ) from None
        fits = (
            projection.ndim == 2
            and buckets.shape == projection.shape[:1]
            and buckets.dtype == np.int32
            and projection.dtype == np.float32
            and bool(((buckets >= 0) & (buckets < BUCKETS)).all())
        )
        encoder = cls(buckets, projection) if fits else None
        if encoder is None or encoder.fingerprint != about.get("fingerprint"):
            raise BundleError(
                f"{path}: expected the encoder {about.get('fingerprint')}, found other arrays: "
                f"load the catalogue again with --refit-encoder"
            )
        return encoder


def _sample(texts: Iterable[str], rng: np.random.Generator) -> list[str]:
    """Draw `FIT_TEXTS` texts evenly from a stream of unknown length (Vitter, 1985)."""
    kept: list[str] = []
    for n, text in enumerate(texts):
        if n < FIT_TEXTS:
            kept.append(text)
        elif (place := int(rng.integers(n + 1))) < FIT_TEXTS:
            kept[place] = text
    return kept


def _weights(n: int) -> NDArray[np.float32]:
    """Weights of a word's features: 1 for itself, and all its n-grams together as much."""
    weights = np.full(n, 1 / np.sqrt(max(n - 1, 1)), dtype=np.float32)
    weights[0] = 1
    return weights


def _space(tfidf: Any, dim: int, seed: int) -> NDArray[np.float32]:
    """Return float32 (features, dim), the features' places in the space of an SVD."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    size = max(1, min(dim, min(tfidf.shape) - 1))
    # One thread: sums are made in one order, so that the bytes are the same each time.
    # A catalogue of equal texts has no variance, by which sklearn divides for a figure unused here.
    with threadpool_limits(limits=1), np.errstate(invalid="ignore", divide="ignore"):
        # The sign of a component is fixed in TruncatedSVD: its largest loading is positive.
        svd = TruncatedSVD(size, n_iter=3, random_state=seed).fit(normalize(tfidf))
    scale = np.sqrt(np.maximum(svd.singular_values_, 1e-6))
    return np.ascontiguousarray((svd.components_ / scale[:, None]).T, dtype=np.float32)
