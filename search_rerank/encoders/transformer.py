"""The encoder for those who have the extra: a sentence-transformers model by name or folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import BundleError, MissingExtra

KIND = "transformer"
_BATCH = 64


class TransformerEncoder:
    """A sentence-transformers model (Reimers and Gurevych, EMNLP 2019), its vectors normalised.

    Texts are encoded one by one in length order as the library does it; rows of the same text
    agree to the last few bits whatever the batch, so the vector cache keeps the first.

    Parameters
    ----------
    model
        Name at the model hub, or a folder.
    """

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError:
            raise MissingExtra("the transformer encoder", "transformers") from None
        self.model = model
        self._model: Any = SentenceTransformer(model)
        self._fingerprint = f"transformer-{_weights_hash(self._model)}"

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_sentence_embedding_dimension())

    @property
    def fingerprint(self) -> str:
        """`transformer-` and a hash of the model's weights."""
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (n, dim), unit rows."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write `encoder.json`: the model's name; its weights stay where the library keeps them."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {"kind": KIND, "model": self.model, "fingerprint": self.fingerprint}
        (folder / "encoder.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, about: dict[str, Any]) -> Self:
        """Open the model that `save` named; refused where its weights are others now."""
        encoder = cls(str(about.get("model")))
        if encoder.fingerprint != about.get("fingerprint"):
            raise BundleError(
                f"{folder}: expected the model {about.get('model')} with the weights "
                f"{about.get('fingerprint')}, found {encoder.fingerprint}: load the catalogue "
                "again with --refit-encoder and train again"
            )
        return encoder


def _weights_hash(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
