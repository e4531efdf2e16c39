"""Which bundle a process ranks with, and whether it fits the live index."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from search_rerank.answer import Degraded
from search_rerank.bundle import Bundle, load_bundle
from search_rerank.bundles import live_bundle
from search_rerank.config import Config
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, live_version
from search_rerank.errors import BundleError, EngineError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.late import late_features
from search_rerank.features.moment import read_moment
from search_rerank.query import Candidates, Query
from search_rerank.retriever import Retriever
from search_rerank.state.base import State

log = logging.getLogger(__name__)


class InUse:
    """The bundle in use with what is made of it: the features' builder and the retriever.

    Parameters
    ----------
    config
        Settings of this process.
    engine
        Where the items are.
    state
        What happened so far.
    bundle
        What to rank with; None keeps the engine's order.
    """

    def __init__(
        self, config: Config, engine: Engine, state: State, bundle: Bundle | None = None
    ) -> None:
        self._config = config
        self._engine = engine
        self._state = state
        self._tried: tuple[Path | None, int] = None, 0
        self._left: list[Degraded] = []
        self._misfit: list[Degraded] = []
        self._take_up(bundle)

    @property
    def degraded(self) -> list[Degraded]:
        """What every answer must say: a newer bundle was left, or the index is another's."""
        return [*self._left, *self._misfit]

    @property
    def has_vectors(self) -> bool:
        """Whether vectors of the bundle mean something in the live index."""
        return self.bundle is not None and not self._misfit

    def reload_if_changed(self) -> bool:
        """Take up the live bundle if it is not the one in use; return whether it was taken up.

        One that is damaged or does not fit is left, and every answer says so, while there is
        another in use; the first is refused with `BundleError`.
        """
        live = live_bundle(self._config.home / "bundles")
        found = live, _written_ns(live)  # training again mends a damaged one under its name
        if found == self._tried:
            self._check_index()
            return False
        try:
            bundle = load_bundle(live) if live else None
            if bundle is not None:
                self._check(bundle)
        except BundleError as error:
            if self.bundle is None:
                raise
            log.error("the live bundle is not taken up: %s", error)
            self._left = [Degraded("bundle", "the live one is damaged or misfit: see the log")]
        else:
            self._left = []
            self._take_up(bundle)
        self._tried = found
        return not self._left

    @property
    def ranking_ms(self) -> float | None:
        """Milliseconds that the fusion of an answer may take, None without a limit."""
        return self._config.service.ranking_ms

    def by_words(self) -> Retriever:
        """Return a retriever that asks for no vectors."""
        return self._retrieving(None)

    def _take_up(self, bundle: Bundle | None) -> None:
        self.bundle = bundle
        self._misfit = []
        self.retriever = self._retrieving(bundle.encoder if bundle else None)
        self.builder = self._building(bundle) if bundle else None

    def _building(self, bundle: Bundle) -> FeatureBuilder:
        late = late_features(bundle.config.training.cross_encoder, self._engine)
        return FeatureBuilder(bundle.catalogue, bundle.scorers, late)

    def _retrieving(self, encoder: Encoder | None) -> Retriever:
        return Retriever(self._engine, encoder, config=self._config.retrieval)

    def _check_index(self) -> None:
        """Search by words only while the live index holds vectors of another encoder.

        Their dimension may be the same: the engine would not notice, and every cosine be wrong.
        """
        if self.bundle is None:
            return
        try:
            live = live_version(self._engine)
        except EngineError:
            return  # the search itself tells
        encoder = self.bundle.encoder
        fits = live is None or live.schema.encoder == encoder.fingerprint
        if fits == (not self._misfit):
            return
        self.retriever = self._retrieving(encoder if fits else None)
        reason = "the live index was made by another encoder than the bundle: train again"
        self._misfit = [] if fits else [Degraded("vector", reason)]

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
        moment = read_moment(Query(), nothing, bundle.catalogue, self._state, {}, 0)
        table, _ = FeatureBuilder(bundle.catalogue, bundle.scorers).build(moment)
        table.require(bundle.features)


def _written_ns(bundle: Path | None) -> int:
    """Return when a bundle was written, 0 where there is none to be seen."""
    try:
        return (bundle / "manifest.json").stat().st_mtime_ns if bundle else 0
    except OSError:
        return 0
