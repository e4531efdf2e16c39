"""A catalogue file in, a verified new version of the index out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index_tools.records import Records
from index_tools.source import Survey, readable_twice
from index_tools.verify import Sample, verify
from search_rerank.config import Config, EncoderConfig
from search_rerank.data.lines import Problem
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused
from search_rerank.data.rows import rows
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Version
from search_rerank.errors import ConfigError, DataError
from search_rerank.indexing import drop_quietly, write_catalogue
from search_rerank.workspace import Workspace

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many items of it are done, and of how many (0: unknown)."""


@dataclass(frozen=True)
class Loaded:
    """What came of a load.

    Parameters
    ----------
    version
        Name of the new version.
    live
        Whether it was promoted.
    written, unchanged, refused
        Items it holds; how many of them equal those of the version that was live; rows refused.
    encoded
        Texts that had to be encoded; the vectors of all others were reused.
    encoder
        Fingerprint of the encoder.
    """

    version: str
    live: bool
    written: int
    unchanged: int
    refused: int
    encoded: int
    encoder: str


def load(
    config: Config,
    path: Path,
    engine: Engine,
    *,
    promote: bool = False,
    encoder_from: Path | None = None,
    refit_encoder: bool = False,
    refused: Refused | None = None,
    boosts: Mapping[str, float] | None = None,
    batch: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> Loaded:
    """Load a whole catalogue into a new version of the index, verify it, and promote it if asked.

    The file is read twice (standard input is kept in a temporary file meanwhile): first for the
    names of the attributes and, where an encoder has to be fitted, for its texts; then to write.
    In memory are the ids, one batch, and at most the 20,000 texts that an encoder is fitted on.

    Parameters
    ----------
    config
        Where the home folder is, and which encoder to fit.
    path
        Catalogue in a known format; `-` is standard input.
    engine
        Where to.
    promote
        Whether the version becomes the live one once it is verified.
    encoder_from
        Folder of a saved encoder to use. Without it the encoder of the live version is used, or
        one is fitted on this catalogue where there is none.
    refit_encoder
        Fit a new encoder all the same; every item is encoded again.
    refused
        Gets each row that is not loaded; closed by whoever made it.
    boosts
        Item id to the factor on its word score; see `popularity_boosts`.
    batch
        Items encoded and written at a time.
    seed
        Of the sample that is verified.
    progress
        See `Progress`.

    Raises
    ------
    DataError
        Where the file cannot be read, or holds no item at all.
    ConfigError
        Where the encoder in use is not of the configured kind or dimension.
    EngineError
        Where the engine fails, or (`VerificationError`) the version does not hold what was written
        to it. The version is dropped, the live one stays.
    """
    refused = Refused() if refused is None else refused
    report: Progress = progress or (lambda what, done, total: None)
    with readable_twice(path) as source:
        survey = Survey(source, lambda done: report("read", done, 0))
        encoder = _encoder(config, engine, survey, encoder_from, refit_encoder)
        attributes = survey.attributes()
        sample = Sample(np.random.default_rng(seed))
        if not survey.count:
            for _ in read_items(source, refused):
                pass
            raise DataError(f"{path}: expected items, found none: {_examples(refused)}")
        done = 0

        def count(n: int) -> None:
            nonlocal done
            done += n
            report("write", done, survey.count)

        with Workspace(config).cache() as cache:
            result = write_catalogue(
                engine,
                encoder,
                cache,
                sample.of(read_items(source, refused)),
                boosts=boosts,
                attributes=attributes,
                batch=batch,
                progress=count,
            )
        _note(source, result.refused, refused)
    try:
        kept = [item for item in sample.items if item.id not in result.refused]
        verify(engine, encoder, result.version, result.written, kept)
        version = _version(engine, result.version)
    except BaseException:
        drop_quietly(engine, result.version)
        raise
    Records(config.home).add(version)
    if promote:
        engine.promote(version.name)
    return Loaded(
        version.name,
        promote,
        result.written,
        result.unchanged,
        len(refused),
        result.encoded,
        encoder.fingerprint,
    )


def _encoder(
    config: Config, engine: Engine, survey: Survey, folder: Path | None, refit: bool
) -> Encoder:
    workspace = Workspace(config)
    if folder is not None:
        if refit:
            raise ConfigError("expected one of encoder_from and refit_encoder, found both")
        encoder = load_encoder(folder)
        kept = workspace.encoder_folder(encoder.fingerprint)
        if not kept.is_dir():
            encoder.save(kept)
        return encoder
    encoder = workspace.encoder(engine, survey.texts(), refit)
    _check(config.encoder, encoder)
    return encoder


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


def _note(path: Path, reasons: Mapping[str, str], refused: Refused) -> None:
    """Add what the engine refused, with the lines it came from."""
    left = dict(reasons)
    for line, row in rows(path) if left else ():
        if isinstance(row, Problem) or not isinstance(row, dict):
            continue
        reason = left.pop(str(row.get("id")).strip(), None)
        if reason is not None:
            refused.add(path.name, line, reason, row)


def _version(engine: Engine, name: str) -> Version:
    return next(version for version in engine.versions() if version.name == name)


def _examples(refused: Refused) -> str:
    return "; ".join(str(refusal) for refusal in refused.examples) or "the file has no rows"
