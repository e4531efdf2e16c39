"""Text to unit vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from search_rerank.config import EncoderConfig
from search_rerank.errors import BundleError

if TYPE_CHECKING:
    from search_rerank.encoders.base import Encoder


def fit_encoder(config: EncoderConfig, texts: Iterable[str]) -> Encoder:
    """Return the encoder that the settings ask for; only `hashing` reads the texts.

    Raises
    ------
    MissingExtra
        For a transformer whose library is not installed.
    DataError
        Where the texts are too few to fit on.
    """
    if config.kind == "transformer":
        from search_rerank.encoders.transformer import TransformerEncoder

        return TransformerEncoder(config.model)
    from search_rerank.encoders.hashing import HashingEncoder

    return HashingEncoder.fit(texts, config.dim, config.seed)


def load_encoder(folder: Path) -> Encoder:
    """Read an encoder that `Encoder.save` wrote.

    Raises
    ------
    BundleError
        Where the folder holds none, or another than was saved.
    """
    import orjson

    path = folder / "encoder.json"
    try:
        about = orjson.loads(path.read_bytes())
        kind = about["kind"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: expected an encoder's description, found {error}") from None
    if kind == "hashing":
        from search_rerank.encoders.hashing import HashingEncoder

        return HashingEncoder.load(folder, about)
    if kind == "transformer":
        from search_rerank.encoders.transformer import TransformerEncoder

        return TransformerEncoder.load(folder, about)
    raise BundleError(f"{path}: expected the kind hashing or transformer, found {kind!r}")
