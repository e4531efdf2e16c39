"""Whether a version holds what was written to it and answers as the live one does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from search_rerank.config import LoadConfig
from search_rerank.data.item import Item
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Stored, Version
from search_rerank.errors import EngineError
from search_rerank.indexing import batches
from search_rerank.query import Query
from search_rerank.retriever import Retriever

FIRST = 10
"""Answers of a probe that are looked at; a title must find its item among them."""
_TOLERANCE = 1e-3
_MAX_SHOWN = 5
_MAX_DEPTH = 1_000


class VerificationError(EngineError):
    """A version is not what it should be; it was not promoted, the live one was left alone."""


@dataclass(frozen=True)
class Searched:
    """A version and the encoder of its queries; None searches by words only."""

    version: Version
    encoder: Encoder | None


@dataclass(frozen=True)
class Read:
    """What the reading of the file came to.

    Parameters
    ----------
    loaded, refused
        Rows that became items of the version, and rows that did not.
    cut_off
        Name of the file where it ended early.
    """

    loaded: int
    refused: int
    cut_off: str | None = None


class Verification:
    """Compares a new version with its file and with the live version.

    Parameters
    ----------
    settings
        The thresholds.
    engine
        Where both versions are.
    new
        The version to check.
    live
        The live one, None where there is none.
    touched
        Gives the ids that live changes have touched so far, which alone may differ from the file.
    """

    def __init__(
        self,
        settings: LoadConfig,
        engine: Engine,
        new: Searched,
        live: Searched | None,
        touched: Callable[[], set[str]],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._new = new
        self._live = live
        self._touched = touched

    def problems(
        self, read: Read, items: Iterable[Item], sample: Sequence[Item], queries: Sequence[str] = ()
    ) -> list[str]:
        """Return all that is wrong, each with what was expected, found, and what to do.

        Parameters
        ----------
        read
            See `Read`.
        items
            All items of the file that the engine took; read only where the count differs.
        sample
            Some of them, to look up and to search by title.
        queries
            More probes, such as the frequent queries of the log.
        """
        found = self._engine.lookup([item.id for item in sample], self._new.version.name)
        probes = [item for item in sample if re.search(r"\w", item.title)][: self._settings.probes]
        return [
            *self._of_file(read),
            *self._of_count(read.loaded, items),
            *self._of_sample(sample, found),
            *self._of_titles(probes),
            *self._of_overlap([*(item.title for item in probes), *queries]),
        ]

    def _of_file(self, read: Read) -> Iterator[str]:
        if read.cut_off is not None:
            yield (
                f"expected a whole file, found that {read.cut_off} ends early, so that rows are "
                f"missing: fetch or export it again"
            )
        share = read.refused / max(read.loaded + read.refused, 1)
        if share > self._settings.max_refused:
            yield (
                f"expected at most {self._settings.max_refused:.1%} of the rows refused "
                f"(load.max_refused), found {share:.1%}: correct them, see --refused"
            )

    def _of_count(self, loaded: int, items: Iterable[Item]) -> Iterator[str]:
        count = self._engine.count(self._new.version.name)
        if count != loaded:
            held, missing = self._held(items) if self._touched() else (loaded, [])
            if missing or count < held:
                shown = f", missing are {', '.join(missing)}" if missing else ""
                yield (
                    f"{loaded:,} items were written, it holds {count:,}{shown}: load the "
                    f"catalogue again with --fresh"
                )
        if self._live is not None:
            before = self._engine.count(self._live.version.name)
            if count < (least := self._settings.min_count * before):
                yield (
                    f"expected at least {least:,.0f} items, load.min_count of the {before:,} in "
                    f"{self._live.version.name}, found {count:,}: is the file the whole catalogue?"
                )

    def _held(self, items: Iterable[Item]) -> tuple[int, list[str]]:
        """Return how many of the items are there, and some that no live change has removed."""
        held = 0
        missing: list[str] = []
        for part in batches(items, 1000):
            ids = [item.id for item in part]
            here = self._engine.hashes(ids, self._new.version.name)
            gone = [id_ for id_, found in zip(ids, here, strict=True) if found is None]
            held += len(ids) - len(gone)
            touched = self._touched() if gone else set()
            unexplained = [id_ for id_ in gone if id_ not in touched]
            missing += unexplained[: _MAX_SHOWN - len(missing)]
        return held, missing

    def _of_sample(self, sample: Sequence[Item], found: Sequence[Stored | None]) -> Iterator[str]:
        if not sample:
            return
        touched, encoder = self._touched(), self._new.encoder
        vectors = None if encoder is None else encoder.encode([item.text() for item in sample])
        for n, (item, stored) in enumerate(zip(sample, found, strict=True)):
            vector = None if vectors is None or not vectors[n].any() else vectors[n]
            difference = _difference(item, stored, vector)
            if difference is not None and item.id not in touched:
                yield f"item {item.id!r} {difference}: load the catalogue again with --fresh"

    def _of_titles(self, probes: Sequence[Item]) -> Iterator[str]:
        retriever = Retriever(self._engine, self._new.encoder, self._new.version.name)
        for item in probes:
            if not _finds(retriever, item):
                yield (
                    f"item {item.id!r} is not among the first {FIRST} for its title "
                    f"{item.title!r:.80}: see load.probes"
                )

    def _of_overlap(self, texts: Sequence[str]) -> Iterator[str]:
        if self._live is None:
            return
        shares = []
        new, old = (
            Retriever(self._engine, searched.encoder, searched.version.name)
            for searched in (self._new, self._live)
        )
        # In a catalogue ten times as large ten times as many items compete for a place.
        growth = self._engine.count(self._new.version.name) / max(self._live.version.count, 1)
        depth = min(math.ceil(FIRST * max(growth, 1.0)), _MAX_DEPTH)
        for text in texts:
            query = Query(text=text, k=FIRST)
            before = set(old.retrieve(old.request(query, FIRST)).ids)
            if before:
                after = set(new.retrieve(new.request(query, depth)).ids)
                shares.append(len(before & after) / len(before))
        if shares and (mean := float(np.mean(shares))) < self._settings.min_overlap:
            yield (
                f"expected the first {FIRST} of {len(shares)} searches to hold on average at "
                f"least {self._settings.min_overlap:.0%} of those in "
                f"{self._live.version.name} (load.min_overlap), found {mean:.0%}: are ids, titles "
                f"and the encoder what they should be?"
            )


def summary(version: str, problems: Sequence[str]) -> str:
    """Return one line of what is wrong with a version."""
    more = f"; and {len(problems) - _MAX_SHOWN} more" if len(problems) > _MAX_SHOWN else ""
    return f"{version} was not verified: {'; '.join(problems[:_MAX_SHOWN])}{more}"


def _difference(
    item: Item, stored: Stored | None, vector: np.ndarray[tuple[int], np.dtype[np.float32]] | None
) -> str | None:
    if stored is None:
        return "is missing"
    if stored.content_hash != item.content_hash() or stored.item != item:
        return "has another content"
    if (stored.vector is None) != (vector is None):
        return f"is {'without' if stored.vector is None else 'with'} a vector"
    if stored.vector is None or vector is None:
        return None
    if stored.vector.shape != vector.shape:
        return f"has a vector of {len(stored.vector)} numbers, the encoder makes {len(vector)}"
    return None if np.allclose(stored.vector, vector, atol=_TOLERANCE) else "has another vector"


def _finds(retriever: Retriever, item: Item) -> bool:
    """Whether a title finds its item, or the engine scores ten others at least as high.

    A hundred products may be called `Soap`; an item may have been removed meanwhile.
    """
    request = retriever.request(Query(text=item.title, k=FIRST), FIRST)
    found = retriever.retrieve(request)
    if item.id in found.ids:
        return True
    own = retriever.score(request, [item.id])
    if not len(own):
        return True  # the lookup told, or a live change removed it
    return len(found) == FIRST and bool(own.score[0] <= found.score[-1] + 1e-6)
