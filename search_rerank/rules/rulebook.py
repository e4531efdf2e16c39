"""The rules in use: read anew when their file changes, the last good ones kept when it is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from search_rerank.answer import Degraded
from search_rerank.engines.base import Engine, IndexSchema, live_version
from search_rerank.engines.conditions import conditions
from search_rerank.errors import DataError, EngineError
from search_rerank.query import Query
from search_rerank.replacing import FileState, state_of
from search_rerank.rules.conflicts import errors_of
from search_rerank.rules.facts import FactTable
from search_rerank.rules.hide import Removal
from search_rerank.rules.keeping import read_rules
from search_rerank.rules.rule_set import NO_RULES, RuleSet
from search_rerank.rules.ruling import STAGE, Ruling
from search_rerank.rules.when import Asked, On, categories_of, normal
from search_rerank.stages import Stages

log = logging.getLogger(__name__)
_CHECK_EVERY_S = 0.5


@dataclass(frozen=True)
class _InUse:
    rules: RuleSet
    table: FactTable

    @classmethod
    def of(cls, rules: RuleSet) -> _InUse:
        return cls(rules, FactTable(rules.questions))


class Rulebook:
    """Gives each request the rules that hold for it.

    Parameters
    ----------
    path
        The file of the rules; none is no rules.
    engine
        Where the items are.
    clock
        Seconds, for how often the file is looked at.
    """

    def __init__(self, path: Path, engine: Engine, clock: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._engine = engine
        self._clock = clock
        self._read: FileState | None = None
        self._in_use = _InUse.of(NO_RULES)
        self._wrong: list[Degraded] = []
        self._checked_s: float | None = None
        self._schema: IndexSchema | None = None
        self._refused: Mapping[str, str] = {}

    @property
    def rules(self) -> RuleSet:
        """The rules in use."""
        self._follow()
        return self._in_use.rules

    def ruling(
        self,
        on: On,
        query: Query,
        stages: Stages,
        *,
        moves: bool = True,
        rules: RuleSet | None = None,
    ) -> Ruling:
        """Return what rules make of a request.

        Parameters
        ----------
        on
            What is asked for.
        query
            Its words, filters and moment; one with an order of its own keeps it.
        stages
            Of the request.
        moves
            Whether rules may change the order.
        rules
            What holds instead of the rules in use.
        """
        self._follow()
        in_use, refused = self._in_use, self._refused
        if rules is not None:
            in_use, refused = _InUse.of(rules), _refused(rules, self._live())
        else:
            stages.degraded += self._wrong
        every = in_use.rules.in_order
        asked = Asked(on, (), (), query.now_ms)
        if every:
            texts = (normal(query.text),)
            asked = Asked(on, texts, categories_of(query.filters), query.now_ms)
            stages.degraded += [
                Degraded(f"{STAGE}.{rule.id}", refused[rule.id])
                for rule in every
                if rule.id in refused and rule.when.holds(asked)
            ]
        return Ruling(
            every,
            in_use.table,
            self._engine,
            asked,
            query,
            stages,
            moves and not query.sort,
            refused,
        )

    def _follow(self) -> None:
        now_s = self._clock()
        if self._checked_s is not None and now_s - self._checked_s < _CHECK_EVERY_S:
            return
        self._checked_s = now_s
        try:
            found = state_of(self._path)
        except OSError as error:
            self._left(f"{self._path}: {error.strerror}")
            return
        changed = found != self._read
        if changed:
            self._read = found
            self._take_up()
        if self._in_use.rules.in_order:
            schema = self._live()
            if changed or schema != self._schema:
                self._schema, self._refused = schema, _refused(self._in_use.rules, schema)

    def _take_up(self) -> None:
        try:
            rules = read_rules(self._path)
            if wrong := errors_of(rules):
                raise DataError(f"{self._path}: {wrong[0].message}")
        except DataError as error:
            self._left(str(error))
        else:
            self._wrong = []
            self._in_use = _InUse.of(rules)

    def _left(self, reason: str) -> None:
        if not self._wrong:
            log.error("the rules are not taken up: %s", reason)
        self._wrong = [Degraded(STAGE, "the file of rules is wrong: the last good ones hold")]

    def _live(self) -> IndexSchema | None:
        try:
            live = live_version(self._engine)
        except EngineError:
            return self._schema  # the search itself tells
        return live.schema if live else None


def _refused(rules: RuleSet, schema: IndexSchema | None) -> dict[str, str]:
    """Return the rules whose filters the live index cannot take, each with why."""
    found: dict[str, str] = {}
    for rule in rules.in_order:
        if isinstance(rule, Removal) and schema is not None:
            try:
                conditions(rule.where.filters, schema)
            except EngineError:
                found[rule.id] = (
                    "the live index cannot filter by it: left out of the answer, not of its counts"
                )
    return found
