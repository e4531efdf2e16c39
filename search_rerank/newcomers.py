"""Which items the shop added lately, by its own word."""

from __future__ import annotations

from search_rerank.config import ExplorationConfig
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.engines.fields import ATTRIBUTE
from search_rerank.engines.hybrid import MAX_K
from search_rerank.query import Filters, Range

_DAY_MS = 86_400_000
_FOR_MS = 60_000


class Newcomers:
    """Asks the engine for the items added lately, once a minute at most.

    Parameters
    ----------
    engine
        Where the items are.
    settings
        Which attribute tells, and for how long an item is new.
    """

    def __init__(self, engine: Engine, settings: ExplorationConfig) -> None:
        self._engine = engine
        self._settings = settings
        self._found: frozenset[str] = frozenset()
        self._asked_ms: int | None = None

    def ids(self, now_ms: int) -> frozenset[str]:
        """Return the items added lately; none where no attribute tells.

        Raises
        ------
        EngineError
            When the engine is away, or the attribute is not one that can be filtered by range; it
            is asked again after a minute.
        """
        if self._settings.added is None:
            return self._found
        if self._asked_ms is None or not 0 <= now_ms - self._asked_ms < _FOR_MS:
            self._asked_ms = now_ms
            since = now_ms - self._settings.new_days * _DAY_MS
            lately = Filters(ranges={ATTRIBUTE + self._settings.added: Range(gte=since)})
            found = self._engine.retrieve(Retrieve("", filters=lately, k=MAX_K))
            self._found = frozenset(found.ids)
        return self._found
