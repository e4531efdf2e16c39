"""A catalogue file in, a verified new version of the index out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index_tools.ahead import unix_now_ms, why_ahead
from index_tools.checkpoints import Checkpoint, Checkpoints
from index_tools.encoder_choice import choose_encoder
from index_tools.records import Records
from index_tools.refusals import add_engine_refusals
from index_tools.resume import file_identity, settings_hash, unfinished
from index_tools.source import Survey, readable_twice
from index_tools.verdict import Sample, problems_of
from index_tools.verify import VerificationError, summary
from search_rerank.config import Config
from search_rerank.data.item import Item
from search_rerank.data.lines import STANDARD_INPUT, source_name
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Version, live_version
from search_rerank.errors import DataError
from search_rerank.indexing import (
    batches,
    drop_quietly,
    finish_quietly,
    index_schema,
    write_batch,
)
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
    live, verified
        Whether it was promoted, and whether nothing wrong was found.
    written, unchanged, stale, refused
        Rows: different from the live version's or new; equal to it; older than what live changes
        wrote meanwhile; left out.
    encoded
        Texts that had to be encoded; the vectors of all others were reused.
    encoder
        Fingerprint of the encoder.
    resumed
        Items that an earlier, interrupted load had written.
    notes
        What else is to be said: of the encoder, of what was overridden.
    """

    version: str
    live: bool
    written: int
    unchanged: int
    stale: int
    refused: int
    encoded: int
    encoder: str
    verified: bool = True
    resumed: int = 0
    notes: tuple[str, ...] = ()


def load(
    config: Config,
    path: Path,
    engine: Engine,
    *,
    promote: bool = False,
    force: bool = False,
    fresh: bool = False,
    encoder_from: Path | None = None,
    refit_encoder: bool = False,
    refused: Refused | None = None,
    boosts: Mapping[str, float] | None = None,
    queries: Sequence[str] = (),
    batch: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Loaded:
    """Load a whole catalogue into a new version of the index, verify it, and promote it if asked.

    The file is read twice (standard input is kept in a temporary file meanwhile): first, cheaply,
    for the names of the attributes, then to write; once more where an encoder has to be fitted.
    In memory are the ids, one batch, and at most the 20,000 texts that an encoder is fitted on.
    A load of the same file that was cut off goes on from its last checkpoint.

    Parameters
    ----------
    config
        Where the home folder is, which encoder to fit, and what a version must pass.
    path
        Catalogue in a known format; `-` is standard input.
    engine
        Where to.
    promote
        Whether the version becomes the live one once it is verified.
    force
        Go on although the verification finds something wrong; the notes say what.
    fresh
        Begin anew and drop what an interrupted load of this file has left.
    encoder_from
        Folder of a saved encoder to use. Without it the encoder of the live version is used, or
        one is fitted on this catalogue; see `choose_encoder`.
    refit_encoder
        Fit a new encoder all the same; every item is encoded again.
    refused
        Gets each row that is not loaded; closed by whoever made it.
    boosts
        Item id to the factor on its word score; see `popularity_boosts`.
    queries
        Searches to try on the version, beside titles.
    batch
        Items encoded and written at a time; None is `load.batch`.
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
    VerificationError
        Where the version is not what it should be. It stays, not live, until `prune`.
    EngineError
        Where the engine fails; the same load goes on later from its last checkpoint.
    """
    refused = Refused() if refused is None else refused
    report: Progress = progress or (lambda what, done, total: None)
    name = source_name(path) if path == STANDARD_INPUT else None
    with readable_twice(path) as source:
        if next(read_items(source, Refused(), name), None) is None:
            for _ in read_items(source, refused, name):
                pass
            raise DataError(f"{name or path}: expected items, found none: {_examples(refused)}")
        survey = Survey(source, name, lambda done: report("read", done, 0))
        checkpoints = Checkpoints(config.home)
        notes: list[str] = []
        asked = settings_hash(config, encoder_from, refit_encoder, boosts)
        # Standard input is another file each time: its loads begin anew.
        file = {} if name else file_identity(source)
        state = unfinished(engine, checkpoints, file, asked, fresh)
        if state is not None:
            encoder = load_encoder(Workspace(config).encoder_folder(state.encoder))
            notes.append(f"went on from item {state.done + 1:,} of an interrupted load")
        else:
            encoder, note = choose_encoder(
                config, engine, survey.texts, survey.count, encoder_from, refit_encoder
            )
            notes += [note] if note else []
            schema = index_schema(encoder, survey.attributes, config.index)
            version = _version(engine, engine.create(schema, survey.count))
            state = Checkpoint(
                version.name, version.created.isoformat(), file, asked, encoder.fingerprint
            )
        resumed = state.done
        sample = Sample(np.random.default_rng(seed), config.load.sample)
        try:
            with checkpoints.held(state.version):
                if file:
                    checkpoints.save(state)
                items = sample.of(read_items(source, refused, name))
                _write(
                    config,
                    engine,
                    encoder,
                    state,
                    checkpoints if file else None,
                    batches(items, batch or config.load.batch),
                    boosts or {},
                    lambda done: report("write", done, survey.count),
                )
                engine.seal(state.version)
                add_engine_refusals(source, name, state.refused, refused)
                report("verify", 0, 0)
                problems = problems_of(
                    config, engine, encoder, state, refused, (source, name), sample, queries
                )
        except BaseException:
            if any(saved.done for saved in checkpoints.all() if saved.version == state.version):
                finish_quietly(engine, state.version)  # what was written is let go of
            else:
                drop_quietly(engine, state.version)
                checkpoints.remove(state.version)
            raise
    checkpoints.remove(state.version)
    version = _version(engine, state.version)
    if problems and not force:
        raise VerificationError(
            f"{summary(version.name, problems)}. It stays beside the live one: "
            f"`search-rerank index promote --force {version.name}` makes it live all the same, "
            f"`index prune` deletes it"
        )
    if problems:
        notes.append(f"overridden: {summary(version.name, problems)}")
    else:
        Records(config.home).add(version)
    if promote:
        engine.promote(version.name)
    return Loaded(
        version.name,
        promote,
        state.written,
        state.unchanged,
        state.stale,
        len(refused),
        state.encoded,
        encoder.fingerprint,
        not problems,
        resumed,
        tuple(notes),
    )


def _write(
    config: Config,
    engine: Engine,
    encoder: Encoder,
    state: Checkpoint,
    checkpoints: Checkpoints | None,
    parts: Iterator[list[Item]],
    boosts: Mapping[str, float],
    count: Callable[[int], None],
) -> None:
    """Write what the checkpoint does not say is written; bring it up to date as that goes on."""
    live = live_version(engine)
    seen, kept = 0, state.done
    with Workspace(config).cache() as cache:
        before = cache.encoded - state.encoded
        for whole in parts:
            part = whole[max(state.done - seen, 0) :]
            seen += len(whole)
            if not part:
                continue
            now = unix_now_ms()
            ahead = {item.id: why for item in part if (why := why_ahead(item, now))}
            state.refused |= ahead
            part = [item for item in part if item.id not in ahead]
            outcomes = write_batch(engine, state.version, encoder, cache, part, boosts)
            old = engine.hashes([item.id for item in part], live.name) if live else []
            for n, (item, outcome) in enumerate(zip(part, outcomes, strict=True)):
                if outcome.status == "refused":
                    state.refused[item.id] = outcome.reason or ""
                elif outcome.status == "stale":
                    state.stale += 1
                elif live and old[n] == item.content_hash():
                    state.unchanged += 1
                else:
                    # The engine may say `unchanged`: what was written after the last checkpoint.
                    state.written += 1
            state.done, state.encoded = seen, cache.encoded - before
            if checkpoints is not None and state.done - kept >= config.load.checkpoint:
                engine.finish(state.version)
                checkpoints.save(state)
                kept = state.done
            count(seen)
    if checkpoints is not None:
        engine.finish(state.version)
        checkpoints.save(state)


def _version(engine: Engine, name: str) -> Version:
    return next(version for version in engine.versions() if version.name == name)


def _examples(refused: Refused) -> str:
    return "; ".join(str(refusal) for refusal in refused.examples) or "the file has no rows"
