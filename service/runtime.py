"""What a worker holds open for its requests: the state, and the pipeline over engine and bundle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from flask import current_app

from search_rerank.config import Config
from search_rerank.engines.base import Engine, Retrieve, live_version
from search_rerank.errors import EngineUnavailable
from search_rerank.fusion.compiled import can_compile
from search_rerank.query import Facet, Statistics
from search_rerank.skew.log import open_log
from search_rerank.state.opening import open_state
from search_rerank.workers import Present
from service.cursor import Cursors
from service.load import Load
from service.on_demand import OnDemand, late_state
from service.repeating import Repeating
from service.writable import Writable
from service.writes import Writes

if TYPE_CHECKING:
    from index_tools.changes import Changes
    from search_rerank.pipeline import Pipeline

logger = logging.getLogger(__name__)
_CHECK_EVERY_S = 1.0
_UPKEEP_EVERY_S = 10.0
_ATTRIBUTES_FOR_S = 5.0
_PRICES_FOR_S = 60.0


def now_ms() -> int:
    """Return the present moment, unix milliseconds."""
    return time.time_ns() // 1_000_000


class Runtime:
    """Opens state and pipeline when they are first needed, and keeps them.

    A part that cannot be opened raises on each request and is tried again on the next one, so
    that a service started before its index becomes ready by itself.

    Parameters
    ----------
    config
        The settings.
    clock
        Returns the present moment, unix milliseconds.
    """

    def __init__(self, config: Config, clock: Callable[[], int] = now_ms) -> None:
        self.config = config
        offset_ms = config.service.clock_offset_ms
        self.clock: Callable[[], int] = lambda: clock() + offset_ms
        self.starting = False
        """Whether a bundle that is damaged is an error, and not done without."""
        self.feature_log = open_log(config)
        self.cursors = Cursors(config)
        self.load = Load(config)
        self.events = Writes("state")
        """Holds a place for each request that stores events."""
        self._writes = Writes("engine")
        self._state = OnDemand("the state", lambda: open_state(config))
        self.state = late_state(self._state)
        """Its methods raise `StateError` while it cannot be opened."""
        self.writable = Writable(self.state, config.home)
        self._pipeline = OnDemand("the pipeline", self._open)
        self._changing = Lock()
        self._changes: Changes | None = None
        self._following: Repeating | None = None
        self._upkeep: Repeating | None = None
        self._compiling: Repeating | None = None
        self._present = Present(config.home)
        self._attributes: tuple[str, ...] = ()
        self._attributes_until_s = 0.0
        self._prices: Statistics | None = None
        self._prices_until_s = 0.0

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Lend the pipeline, which any number of requests may use at a time.

        The bundle that is live is looked for beside the requests, and loaded beside them.
        """
        yield self._pipeline.get()

    def _open(self) -> Pipeline:
        from search_rerank.pipeline import Pipeline

        pipeline = Pipeline.open(self.config, self.state, strict=self.starting)
        self.tell_bundle(pipeline)
        self._following = Repeating(self._follow, _CHECK_EVERY_S)
        self._upkeep = Repeating(lambda: self.state.maintain(self.clock()), _UPKEEP_EVERY_S)
        if self.config.service.compile_trees:
            if can_compile():
                self._compiling = Repeating(self._compile, _CHECK_EVERY_S)
            else:
                logger.warning("lleaves is not installed: LightGBM scores, three times as long")
        return pipeline

    def tell_bundle(self, pipeline: Pipeline) -> None:
        """Tell others what this process ranks with, see `search_rerank.workers`."""
        in_use = pipeline.in_use  # once: another may be taken up meanwhile
        self._present.tell(in_use.version, self.clock(), in_use.compiled)

    def _follow(self) -> None:
        pipeline = self._pipeline.opened
        if pipeline is not None:
            pipeline.reload_if_changed()
            self.tell_bundle(pipeline)

    def _compile(self) -> None:
        pipeline = self._pipeline.opened
        if pipeline is not None:
            pipeline.in_use.compile_next()

    @contextmanager
    def changes(self) -> Iterator[tuple[Changes, Engine]]:
        """Lend what changes items, and the engine it changes them in, to one request at a time."""
        from index_tools.changes import Changes

        with self.pipeline() as pipeline, self._writes.one(), self._changing:
            if self._changes is None:
                self._changes = Changes(self.config, pipeline.engine)
            yield self._changes, pipeline.engine

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes of the live index that can be filtered on and counted."""
        with self.pipeline() as pipeline:
            if time.monotonic() > self._attributes_until_s:
                with suppress(EngineUnavailable):  # what was known last will do
                    live = live_version(pipeline.engine)
                    self._attributes = live.schema.attributes if live else ()
                self._attributes_until_s = time.monotonic() + _ATTRIBUTES_FOR_S
            return self._attributes

    def prices(self) -> Statistics | None:
        """Return what the whole catalogue costs, a minute old at most; None without any price."""
        with self.pipeline() as pipeline:
            if time.monotonic() > self._prices_until_s:
                facets = (Facet("price", "statistics"),)
                with suppress(EngineUnavailable):
                    found = pipeline.engine.retrieve(Retrieve("", facets=facets, k=1))
                    self._prices = found.statistics.get("price")
                self._prices_until_s = time.monotonic() + _PRICES_FOR_S
            return self._prices

    def close(self) -> None:
        """Release files and connections."""
        for repeating in (self._following, self._upkeep, self._compiling):
            if repeating is not None:
                repeating.close()
        self._present.close()
        if self._pipeline.opened is not None:
            self._pipeline.opened.close()
        if self._state.opened is not None:
            self._state.opened.close()
        self._pipeline.opened = self._state.opened = self._changes = None
        self._following = self._upkeep = self._compiling = None


def runtime() -> Runtime:
    """Return the runtime of the application that handles this request."""
    found: Runtime = current_app.extensions["search_rerank"]
    return found
