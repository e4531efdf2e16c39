"""The online path, top to bottom: retrieve, read the state, build features, fuse.

Search never fails because of ranking: a stage that errs is named in `Answer.degraded` and the
answer stands without it. Only the engine being away is an error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Answer, Degraded
from search_rerank.bundle import Bundle, live_bundle, load_bundle
from search_rerank.config import Config
from search_rerank.encoders.base import Encoder
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine, Retrieve, live_version
from search_rerank.errors import BundleError, EngineError, EngineUnavailable
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment, read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.hits import make_answer, make_hits
from search_rerank.query import Candidates, Query
from search_rerank.retriever import Retriever
from search_rerank.state.base import State

log = logging.getLogger(__name__)
_NO_WORD = "\N{WORD JOINER}"
"""A text without any word: what an engine finds for it, it finds by the vector alone."""


class Pipeline:
    """Answers queries: the live index version, reranked by the live bundle.

    Parameters
    ----------
    config
        Settings of this process.
    engine
        Where the items are; closed with the pipeline.
    state
        What happened so far; the caller keeps and closes it.
    bundle
        What to rank with; None keeps the engine's order, and every answer says so.
    """

    def __init__(
        self, config: Config, engine: Engine, state: State, bundle: Bundle | None = None
    ) -> None:
        self.config = config
        self.engine = engine
        self.state = state
        self._tried: tuple[Path | None, int] = None, 0
        self._left: list[Degraded] = []
        self._misfit: list[Degraded] = []
        self._use(bundle)

    @classmethod
    def open(cls, config: Config, state: State) -> Pipeline:
        """Open the engine and the live bundle that a configuration names.

        Raises
        ------
        BundleError
            When the bundle is damaged, or was trained for an index with other vectors.
        EngineError
            When the engine cannot be opened or has no live version.
        """
        pipeline = cls(config, open_engine(config), state)
        try:
            pipeline.engine.count()
            pipeline.reload_if_changed()
        except BaseException:
            pipeline.close()
            raise
        return pipeline

    @property
    def bundle_version(self) -> str | None:
        """Name of the bundle in use."""
        return self._bundle.version if self._bundle else None

    def reload_if_changed(self) -> bool:
        """Take up the live bundle if it is not the one in use; return whether it was taken up.

        One that is damaged or does not fit is left, and every answer says so, while there is
        another in use; the first is refused with `BundleError`.
        """
        live = live_bundle(self.config.home / "bundles")
        found = live, _written_ns(live)  # training again mends a damaged one under its name
        if found == self._tried:
            self._check_index()
            return False
        try:
            bundle = load_bundle(live) if live else None
            if bundle is not None:
                self._check(bundle)
        except BundleError as error:
            if self._bundle is None:
                raise
            log.error("the live bundle is not taken up: %s", error)
            self._left = [Degraded("bundle", "the live one is damaged or misfit: see the log")]
        else:
            self._left = []
            self._use(bundle)
        self._tried = found
        return not self._left

    def search(self, query: Query, *, personalise: bool = True, explain: bool = False) -> Answer:
        """Return the candidates of a query in their final order.

        Parameters
        ----------
        query
            The request; a sorted one keeps the engine's order.
        personalise
            False reads nothing of the shopper: everyone gets the same answer.
        explain
            Whether each hit carries its features.

        Raises
        ------
        EngineError
            When the engine is away or refuses the filters or facets.
        """
        timings: dict[str, float] = {}
        degraded = [*self._left, *self._misfit]
        with _stage("encode", timings):
            request = self._request(query, degraded)
        with _stage("retrieve", timings):
            candidates = self._retrieve(request, degraded)
        degraded += [Degraded(*part) for part in candidates.degraded]
        return self._rank(query, candidates, personalise, explain, timings, degraded)

    def similar(self, item_id: str, k: int) -> Answer:
        """Return the k items nearest to an item: by vector, or by title where it has none.

        Raises
        ------
        EngineError
            When the index does not hold the item.
        """
        timings: dict[str, float] = {}
        with _stage("retrieve", timings):
            stored = self.engine.lookup([item_id])[0]
            if stored is None:
                raise EngineError(f"expected an item of the index, found no item {item_id!r}")
            text = stored.item.title if stored.vector is None else _NO_WORD
            found = self.engine.retrieve(Retrieve(text=text, vector=stored.vector, k=k + 1))
        others = np.flatnonzero([id_ != item_id for id_ in found.ids])[:k]
        nearest = replace(found.take(others), total=len(others))
        hits = make_hits(nearest, nearest.score, np.arange(len(others)), None)
        return make_answer(nearest, hits, history=0, timings_ms=timings, degraded=[], bundle=None)

    def close(self) -> None:
        """Release the engine."""
        self.engine.close()

    def _rank(
        self,
        query: Query,
        candidates: Candidates,
        personalise: bool,
        explain: bool,
        timings: dict[str, float],
        degraded: list[Degraded],
    ) -> Answer:
        moment: Moment | None = None
        table: FeatureTable | None = None
        scores: NDArray[np.float64] = candidates.score.astype(np.float64)
        ranked_by: str | None = None
        if query.sort:
            pass  # the shopper chose the order
        elif self._bundle is None:
            degraded.append(Degraded("rank", "no bundle: run search-rerank train"))
        elif len(candidates):
            try:
                with _stage("state", timings):
                    moment = self._moment(self._bundle, query, candidates, personalise)
                with _stage("features", timings):
                    table, failed = self._builder.build(moment)
                degraded += failed
                with _stage("fuse", timings):
                    scores = self._bundle.ranker.fuse(table)
                ranked_by = self._bundle.version
            except Exception as error:  # ranking must never cost the shopper the answer
                log.exception("ranking failed; the engine's order is kept")
                degraded.append(Degraded("rank", type(error).__name__))
        order = np.lexsort((np.arange(len(candidates)), -scores))
        return make_answer(
            candidates,
            make_hits(candidates, scores, order, table if explain else None),
            history=len(moment.history) if moment else 0,
            timings_ms=timings,
            degraded=degraded,
            bundle=ranked_by,
        )

    def _request(self, query: Query, degraded: list[Degraded]) -> Retrieve:
        try:
            return self._retriever.request(query, query.k)
        except Exception as error:  # without a vector the words still answer
            log.exception("encoding the query failed; searching by words only")
            degraded.append(Degraded("encode", type(error).__name__))
            return self._retrieving(None).request(query, query.k)

    def _retrieve(self, request: Retrieve, degraded: list[Degraded]) -> Candidates:
        try:
            return self._retriever.retrieve(request)
        except EngineUnavailable:
            raise
        except EngineError as error:  # a new index may hold other vectors: the words still answer
            if request.vector is None:
                raise
            candidates = self._retriever.retrieve(replace(request, vector=None))
            log.error("searching by words only: %s", error)
            degraded.append(Degraded("vector", str(error)))
            return candidates

    def _moment(
        self, bundle: Bundle, query: Query, candidates: Candidates, personalise: bool
    ) -> Moment:
        settings = bundle.config.training  # what the features were trained with, not our own
        catalogue, n = self._builder.catalogue, settings.history
        return read_moment(query, candidates, catalogue, self.state, settings.gains, n, personalise)

    def _use(self, bundle: Bundle | None) -> None:
        self._bundle = bundle
        self._misfit = []
        self._retriever = self._retrieving(bundle.encoder if bundle else None)
        if bundle is not None:
            self._builder = FeatureBuilder(bundle.catalogue, bundle.scorers)

    def _retrieving(self, encoder: Encoder | None) -> Retriever:
        return Retriever(self.engine, encoder, config=self.config.retrieval)

    def _with(self, encoder: Encoder) -> Retriever:
        return Retriever(self.engine, encoder, config=self.config.retrieval)

    def _check_index(self) -> None:
        """Search by words only while the live index holds vectors of another encoder.

        Their dimension may be the same: the engine would not notice, and every cosine be wrong.
        """
        if self._bundle is None:
            return
        try:
            live = live_version(self.engine)
        except EngineError:
            return  # the search itself tells
        encoder = self._bundle.encoder
        fits = live is None or live.schema.encoder == encoder.fingerprint
        if fits == (not self._misfit):
            return
        self._retriever = self._retrieving(encoder if fits else None)
        reason = "the live index was made by another encoder than the bundle: train again"
        self._misfit = [] if fits else [Degraded("vector", reason)]

    def _check(self, bundle: Bundle) -> None:
        """Refuse a bundle that does not fit the index or this code's features."""
        live = live_version(self.engine)
        if live and live.schema.encoder != bundle.encoder.fingerprint:
            raise BundleError(
                f"bundle {bundle.version} was trained with encoder {bundle.encoder.fingerprint} "
                f"({bundle.encoder.dim} dimensions), the index {live.name} holds vectors of "
                f"{live.schema.encoder} ({live.schema.dim} dimensions): load the index again with "
                "the bundle's encoder, or train again"
            )
        none = np.zeros(0, dtype=np.float32)
        nothing = Candidates([], none, none, none)
        moment = read_moment(Query(), nothing, bundle.catalogue, self.state, {}, 0)
        table, _ = FeatureBuilder(bundle.catalogue, bundle.scorers).build(moment)
        table.require(bundle.features)


def _written_ns(bundle: Path | None) -> int:
    """Return when a bundle was written, 0 where there is none to be seen."""
    try:
        return (bundle / "manifest.json").stat().st_mtime_ns if bundle else 0
    except OSError:
        return 0


@contextmanager
def _stage(name: str, timings: dict[str, float]) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        timings[name] = round((perf_counter() - start) * 1000, 3)
