"""Which encoder a load uses: the live version's, one given, or one fitted anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

from search_rerank.config import Config, EncoderConfig
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, live_version
from search_rerank.errors import ConfigError
from search_rerank.workspace import Workspace

_FITTED_ON = "fitted-on.txt"
_GAIN = 2
"""A catalogue that could give so many times the dimensions is worth a new encoder."""


def choose_encoder(
    config: Config,
    engine: Engine,
    texts: Callable[[], Iterable[str]],
    count: int,
    folder: Path | None = None,
    refit: bool = False,
) -> tuple[Encoder, str | None]:
    """Return the encoder of a load, and what is to be said of the choice.

    An encoder fitted on a tiny catalogue is replaced where this one gives clearly more, unless a
    bundle was trained with it: then it stays, and the note says how to change it.

    Parameters
    ----------
    config, engine
        The settings, and whose live version names its encoder.
    texts
        Gives the catalogue's texts; called only where an encoder has to be fitted.
    count
        About how many items the catalogue has.
    folder
        Of a saved encoder to use.
    refit
        Fit one anew.

    Raises
    ------
    ConfigError
        Where the encoder in use is not what the settings describe, or both options are given.
    """
    workspace = Workspace(config)
    if folder is not None:
        if refit:
            raise ConfigError("expected one of encoder_from and refit_encoder, found both")
        encoder = load_encoder(folder)
        kept = workspace.encoder_folder(encoder.fingerprint)
        if not kept.is_dir():
            encoder.save(kept)
        return encoder, None
    encoder = workspace.encoder(engine, texts(), refit)
    _check(config.encoder, encoder)
    live = live_version(engine)
    if refit or live is None or live.schema.encoder != encoder.fingerprint:
        _note_size(workspace.encoder_folder(encoder.fingerprint), count)
        return encoder, None
    possible = min(config.encoder.dim, count - 1)
    fitted_on = _size(workspace.encoder_folder(encoder.fingerprint), live.count)
    was_small = fitted_on <= _GAIN * encoder.dim
    if config.encoder.kind != "hashing" or not was_small or possible < _GAIN * encoder.dim:
        return encoder, None
    bundles = bundles_with(workspace.bundles, encoder.fingerprint)
    if bundles:
        return encoder, (
            f"the encoder in use has {encoder.dim} dimensions, as it was fitted on a small "
            f"catalogue; this one gives up to {possible}. It was kept, because the bundle "
            f"{', '.join(bundles)} was trained with it: load again with --refit-encoder, then "
            f"train again"
        )
    fitted = workspace.encoder(engine, texts(), refit=True)
    _note_size(workspace.encoder_folder(fitted.fingerprint), count)
    if fitted.dim < _GAIN * encoder.dim:
        return encoder, None
    return fitted, (
        f"a new encoder of {fitted.dim} dimensions was fitted: the one before had {encoder.dim}, "
        f"from a smaller catalogue, and no bundle depends on it"
    )


def bundles_with(folder: Path, fingerprint: str) -> list[str]:
    """Return the names of the bundles that were trained with an encoder, sorted."""
    found = []
    for path in sorted(folder.glob("*/manifest.json")):
        try:
            manifest = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue  # whoever loads the bundle says so
        if isinstance(manifest, dict) and manifest.get("encoder") == fingerprint:
            found.append(path.parent.name)
    return found


def _note_size(folder: Path, count: int) -> None:
    (folder / _FITTED_ON).write_text(f"{count}\n", encoding="utf-8")


def _size(folder: Path, otherwise: int) -> int:
    """Return on how many items an encoder was fitted; where that was not noted, a guess."""
    try:
        return int((folder / _FITTED_ON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return otherwise


def _check(config: EncoderConfig, encoder: Encoder) -> None:
    """Refuse to go on with an encoder that the settings no longer describe.

    A smaller dimension is no contradiction: a small catalogue has no more to give.
    """
    kind = encoder.fingerprint.partition("-")[0]
    if kind != config.kind or (kind == "hashing" and encoder.dim > config.dim):
        raise ConfigError(
            f"expected the encoder of the settings ({config.kind}, dim {config.dim}), found the "
            f"live index made by {encoder.fingerprint} with dim {encoder.dim}: pass "
            f"--refit-encoder to change it (and train again), or set encoder.kind and encoder.dim "
            f"as they were"
        )
