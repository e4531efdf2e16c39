"""The rules in use: read anew when their file changes, the last good ones kept when it is wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from search_rerank.answer import Degraded
from search_rerank.engines.base import Engine, IndexSchema, live_version
from search_rerank.engines.conditions import conditions
from search_rerank.errors import DataError, EngineError
from search_rerank.query import Query
from search_rerank.replacing import FileState, state_of
from search_rerank.rules.conflicts import errors_of, told
from search_rerank.rules.facts import FactTable
from search_rerank.rules.hide import Removal
from search_rerank.rules.keeping import read_rules
from search_rerank.rules.rule_set import NO_RULES, RuleSet
from search_rerank.rules.ruling import STAGE, Ruling
from search_rerank.rules.when import Asked, On, categories_of, normal
from search_rerank.stages import Stages

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _InUse:
    """Rules with what is kept for them, replaced as a whole: requests run beside each other."""

    rules: RuleSet
    table: FactTable
    schema: IndexSchema | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[Degraded, ...] = ()

    @classmethod
    def of(cls, rules: RuleSet, schema: IndexSchema | None) -> _InUse:
        return cls(rules, FactTable(rules.questions), schema, _refused(rules, schema))

    def on(self, schema: IndexSchema | None) -> _InUse:
        """Return the same rules on another index."""
        return replace(self, schema=schema, refused=_refused(self.rules, schema))


class Rulebook:
    """Gives each request the rules that hold for it.

    Parameters
    ----------
    path
        The file of the rules; none is no rules.
    engine
        Where the items are.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        self._read: FileState | None = None
        self._now = _InUse.of(NO_RULES, None)
        self.follow()

    @property
    def rules(self) -> RuleSet:
        """The rules in use."""
        return self._now.rules

    @property
    def degraded(self) -> list[Degraded]:
        """What is wrong with the rules in use, whichever of them a request falls under."""
        now = self._now
        return [*now.wrong, *(Degraded(f"{STAGE}.{id_}", why) for id_, why in now.refused.items())]

    def follow(self) -> None:
        """Take up the rules if their file is another one, or the index.

        A file that is wrong is left, the last good rules hold, and every answer says so.
        """
        try:
            found = state_of(self._path)
            if found != self._read:
                self._read = found
                rules = read_rules(self._path)
                if wrong := errors_of(rules):
                    raise DataError(f"{self._path}: {told(wrong[0])}")
                self._now = _InUse.of(rules, self._schema(rules))
        except (DataError, OSError) as error:
            if not self._now.wrong:
                log.error("the rules are not taken up: %s", error)
            reason = "the file of rules is damaged: the last good ones hold"
            self._now = replace(self._now, wrong=(Degraded(STAGE, reason),))
        schema = self._schema(self._now.rules)
        if schema != self._now.schema:
            self._now = self._now.on(schema)

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
        now = self._now if rules is None else _InUse.of(rules, self._schema(rules))
        stages.degraded += now.wrong
        asked = Asked(on, (), (), query.now_ms)
        if now.rules.in_order:
            texts = (normal(query.text),)
            asked = Asked(on, texts, categories_of(query.filters), query.now_ms)
        moves = moves and not query.sort
        ruling = Ruling(
            now.rules, now.table, self._engine, asked, query, stages, moves, now.refused
        )
        if now.refused:
            named = sorted(ruling.held & now.refused.keys())
            stages.degraded += [Degraded(f"{STAGE}.{id_}", now.refused[id_]) for id_ in named]
        return ruling

    def hidden(self, ids: Sequence[str], now_ms: int) -> set[str]:
        """Return those of some items that rules show nobody at a moment, whatever is asked for.

        Raises
        ------
        EngineError
            When the engine cannot tell.
        """
        asked = Asked("search", (), (), now_ms)
        rules = [
            rule
            for rule in self._now.rules.in_order
            if isinstance(rule, Removal) and not rule.when.of_shopper and rule.when.holds(asked)
        ]
        found = self._engine.items(ids) if rules and ids else ()
        items = filter(None, found)
        return {item.id for item in items if not all(rule.admits(item) for rule in rules)}

    def _schema(self, rules: RuleSet) -> IndexSchema | None:
        """Return what the live index can filter on, where a rule filters."""
        if not any(isinstance(rule, Removal) for rule in rules.in_order):
            return None
        try:
            live = live_version(self._engine)
        except EngineError:
            return self._now.schema  # the search itself tells
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
                    "the live index has not the fields it filters by: counts hold what is left out"
                )
    return found
