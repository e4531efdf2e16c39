"""Which bundle a process ranks with: it follows the live one, if that fits the live index."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np

from search_rerank.answer import Degraded
from search_rerank.bundle import Bundle, load_bundle
from search_rerank.bundles import live_bundle, named_bundle, promote_bundle
from search_rerank.config import Config
from search_rerank.engines.base import Engine, live_version
from search_rerank.errors import BundleError, EngineError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.replacing import state_of
from search_rerank.state.memory import MemoryState

log = logging.getLogger(__name__)


class Following:
    """The bundle in use, replaced by the live one as a whole once that is loaded beside it.

    Loading holds up nobody: requests rank with `now` as it is when they come.

    Parameters
    ----------
    config
        Settings of this process.
    engine
        Where the items are.
    bundle
        What to rank with at first; None keeps the engine's order.
    """

    def __init__(self, config: Config, engine: Engine, bundle: Bundle | None = None) -> None:
        self._config = config
        self._engine = engine
        self._tried: tuple[Path | None, int] = None, 0
        self._loading = Lock()
        self.now = InUse.of(config, engine, bundle)
        """What a request takes, once."""

    def reload_if_changed(self, strict: bool = False) -> bool:
        """Take up the live bundle if it is not the one in use; return whether it was taken up.

        One that is damaged or does not fit is left until a file of it is another one, and every
        answer says so. Where there is none in use the engine's order is kept, unless it is `strict`
        and raises `BundleError`. Any thread may call it.
        """
        with self._loading:
            live = live_bundle(self._config.home / "bundles")
            found = live, _files(live)  # what mends a damaged one gives it no other name
            if found == self._tried:
                self._check_index()
                return False
            try:
                bundle = load_bundle(live) if live else None
                if bundle is not None:
                    self._check(bundle)
            except BundleError as error:
                reason = "the live one is damaged or misfit: see the log"
                self.now = replace(self.now, left=Degraded("bundle", reason))
                self._tried = found
                if strict and self.now.bundle is None:
                    raise
                log.error("the live bundle is not taken up: %s", error)
                return False
            self.now = InUse.of(self._config, self._engine, bundle)
            self._tried = found
            return True

    def load(self, version: str) -> None:
        """Make a bundle live and take it up at once.

        Raises
        ------
        BundleError
            Where it is not there, damaged or does not fit; then nothing has changed.
        """
        folder = self._config.home / "bundles"
        with self._loading:
            path = named_bundle(folder, version)
            bundle = load_bundle(path)
            self._check(bundle)
            promote_bundle(folder, version)
            self._tried = path, _files(path)
            self.now = InUse.of(self._config, self._engine, bundle)

    def _check_index(self) -> None:
        """Search by words only while the live index holds vectors of another encoder.

        Their dimension may be the same: the engine would not notice, and every cosine be wrong.
        """
        now = self.now
        if now.bundle is None:
            return
        try:
            live = live_version(self._engine)
        except EngineError:
            return  # the search itself tells
        fits = live is None or live.schema.encoder == now.bundle.encoder.fingerprint
        if fits == (now.misfit is None):
            return
        reason = "the live index was made by another encoder than the bundle: train again"
        self.now = replace(
            now,
            retriever=now.by_vectors() if fits else now.by_words(),
            misfit=None if fits else Degraded("vector", reason),
        )

    def _check(self, bundle: Bundle) -> None:
        """Refuse a bundle that does not fit the index or this code's features."""
        live = live_version(self._engine)
        if live and live.schema.encoder != bundle.encoder.fingerprint:
            raise BundleError(
                f"bundle {bundle.version} was trained with encoder {bundle.encoder.fingerprint} "
                f"({bundle.encoder.dim} dimensions), the index {live.name} holds vectors of "
                f"{live.schema.encoder} ({live.schema.dim} dimensions): load the index again with "
                "the bundle's encoder, or train again"
            )
        none = np.zeros(0, dtype=np.float32)
        nothing = Candidates([], none, none, none)
        moment = read_moment(Query(), nothing, bundle.catalogue, MemoryState({}), {}, 0)
        groups = bundle.config.features.groups
        table, _ = FeatureBuilder(bundle.catalogue, bundle.scorers, groups=groups).build(moment)
        table.require(bundle.features)


def _files(bundle: Path | None) -> int:
    """Return a number that is another one once a file of a bundle is, 0 where there is none."""
    found = [] if bundle is None else bundle.rglob("*")
    with suppress(OSError):  # what is being removed is looked at again
        return hash(tuple(sorted((str(path), state_of(path)) for path in found if path.is_file())))
    return 0
