"""Which items the shop added lately, by its own word, and the places they are given."""

from __future__ import annotations

import logging
from dataclasses import replace

from search_rerank.answer import Degraded
from search_rerank.config import ExplorationConfig
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.engines.fields import ATTRIBUTE
from search_rerank.engines.hybrid import MAX_K
from search_rerank.exploration import explore, is_new, seed_of
from search_rerank.query import Filters, Query, Range
from search_rerank.ranking import Ranking

log = logging.getLogger(__name__)
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

    def placed(
        self, ranking: Ranking, query: Query, personalise: bool, degraded: list[Degraded]
    ) -> Ranking:
        """Return a ranking in which new items have a few places, the same where that fails."""
        settings, moment = self._settings, ranking.moment
        if not settings.slots or ranking.basis is None or moment is None:
            return ranking
        try:
            new = is_new(moment, settings, self.ids(query.now_ms))
            order, rows = explore(ranking.order, new, settings, seed_of(query, personalise))
        except Exception as error:  # the ranking is whole without it
            log.exception("exploring failed")
            degraded.append(Degraded("explore", type(error).__name__))
            return ranking
        return replace(ranking, order=order, explored=frozenset(rows))
