"""Tells of a ranking's hits why they stand where they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from search_rerank.bundle import Bundle
from search_rerank.config import ReasonsConfig
from search_rerank.data.history import History
from search_rerank.engines.base import Engine
from search_rerank.errors import ConfigError, DataError, nearest
from search_rerank.explaining.facts import Facts
from search_rerank.explaining.leading import Parts, parts_of, same_for_all
from search_rerank.explaining.reasoning import reason, reason_of_engine
from search_rerank.explaining.sentences import LANGUAGES, Sentences
from search_rerank.explanation import Explain, Explanation, Opinion, Reason
from search_rerank.features.table import FeatureTable
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.ranking import Ranking, by_score, places_of
from search_rerank.stages import Stages

_SCORE, _PLACE = "score.", "_place"


@dataclass(frozen=True)
class Told:
    """What is told of some rows of a ranking."""

    explanations: Mapping[int, Explanation]
    reasons: Mapping[int, Reason]


NOTHING = Told({}, {})


class Explainer:
    """Explains rankings.

    Parameters
    ----------
    settings
        The languages of reasons.
    engine
        Where items that a reason names have their titles.
    """

    def __init__(self, settings: ReasonsConfig, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._sentences: dict[str, Sentences] = {}

    def sentences(self, language: str | None) -> Sentences:
        """Return the sentences of a language, None for that of the settings.

        A language that is not there is that without its region: `zh` for `zh-CN`.

        Raises
        ------
        DataError
            Where there are none in it, or their file cannot be read.
        """
        asked = self._settings.language if language is None else language
        known = dict.fromkeys((*LANGUAGES, *self._settings.files))
        name = asked if asked in known else asked.split("-")[0].lower()
        if name not in known:
            raise DataError(
                f"language: expected one of {', '.join(known)}, found {asked!r:.60}"
                f"{nearest(asked, known)}"
            )
        if name not in self._sentences:
            try:
                own = self._settings.files.get(name)
                self._sentences[name] = Sentences.read(name, own)
            except ConfigError as error:
                raise DataError(str(error)) from None
        return self._sentences[name]

    def told(
        self,
        ranking: Ranking,
        candidates: Candidates,
        query: Query,
        in_use: InUse,
        explain: Explain | None,
        stages: Stages,
    ) -> Told:
        """Return what is asked of a ranking; nothing where that fails or is late.

        Raises
        ------
        DataError
            Where there are no sentences in the language asked for.
        """
        if explain is None:
            return NOTHING
        if explain.reasons:
            self.sentences(explain.language)
        work = partial(self.tell, ranking, candidates, query, in_use.bundle, explain)
        try:
            return stages.run("explain", work)
        except Exception as error:  # the answer stands without its reasons
            stages.lost("explain", error)
            return NOTHING

    def tell(
        self,
        ranking: Ranking,
        candidates: Candidates,
        query: Query,
        bundle: Bundle | None,
        wanted: Explain,
    ) -> Told:
        """Return what is asked of the hits that are asked about.

        Parameters
        ----------
        ranking, candidates, query, bundle
            What was ranked, for what, and with what.
        """
        ranked = len(ranking.scores)
        rows = [row for row in wanted.of(ranking.order.tolist()) if row < ranked]
        same = frozenset() if ranking.table is None else same_for_all(ranking.table)
        told = _told(ranking, rows, same)
        explanations: dict[int, Explanation] = {}
        reasons: dict[int, Reason] = {}
        if wanted.contributions:
            places = _Places(ranking)
            opinions = _opinions(ranking.table, rows)
            explanations = {
                row: _explanation(told[row], opinions.get(row, {}), row, places) for row in rows
            }
        if wanted.reasons and not query.sort:
            sentences = self.sentences(wanted.language)
            facts = self.facts(ranking, bundle, rows)
            put_in = set() if ranking.ruled is None else {*rows} - {*ranking.ruled.before.tolist()}
            for row in rows:
                if row in put_in:
                    continue  # a rule is why it is there
                if facts is not None and told[row]:
                    found = reason(facts, row, told[row], same, sentences)
                else:
                    found = reason_of_engine(candidates, row, query.text, sentences)
                if found is not None:
                    reasons[row] = found
        return Told(explanations, reasons)

    def facts(self, ranking: Ranking, bundle: Bundle | None, rows: Sequence[int]) -> Facts | None:
        """Return what may be said of some rows of a ranking; None where nothing ranked."""
        moment, table = ranking.moment, ranking.table
        if moment is None or table is None or bundle is None:
            return None
        known, n = moment.history, ranking.history
        past = History(
            known.items[:n], known.time_ms[:n], known.weight[:n], known.in_session[:n], known.now_ms
        )
        scorers = {one.name: one for one in bundle.scorers}
        return Facts(moment, table, bundle.catalogue, scorers, past, rows, self._titles)

    def _titles(self, ids: Sequence[str]) -> dict[str, str]:
        found = zip(ids, self._engine.items(ids), strict=True)
        return {id_: item.title for id_, item in found if item is not None}


def _told(ranking: Ranking, rows: Sequence[int], same: frozenset[str]) -> dict[int, list[Parts]]:
    """Return the parts of each row's score by the fusion that chose it; see `parts_of`."""
    found: dict[int, list[Parts]] = {row: [] for row in rows}
    for team, steps in ranking.steps.items():
        own = [row for row in rows if team is None or ranking.teams.get(row, "a") == team]
        found |= parts_of(steps, own, same)
    return found


class _Places:
    """Row to place, by the model and after new items were given places; not of what pins put in."""

    def __init__(self, ranking: Ranking) -> None:
        ruled = ranking.ruled
        self._scores = ranking.scores
        self._before = ranking.order if ruled is None else ruled.before

    @cached_property
    def by_model(self) -> dict[int, int]:
        order = by_score(self._scores)
        return places_of(order[np.isin(order, self._before)])

    @cached_property
    def explored(self) -> dict[int, int]:
        return places_of(self._before)


def _explanation(
    told: Sequence[Parts], opinions: Mapping[str, Opinion], row: int, places: _Places
) -> Explanation:
    parts = told[0] if told else None
    values = {} if parts is None else parts.values
    farthest = sorted(values.items(), key=lambda pair: -abs(pair[1]))
    return Explanation(
        opinions=opinions,
        stage=None if parts is None else parts.step.stage.fusion.name,
        level=0 if parts is None else parts.step.level,
        score=None if parts is None else parts.score,
        base=None if parts is None else parts.base,
        contributions={name: value for name, value in farthest if value != 0},
        by_model=places.by_model.get(row),
        explored=places.explored.get(row),
    )


def _opinions(table: FeatureTable | None, rows: Sequence[int]) -> dict[int, dict[str, Opinion]]:
    """Return row to scorer to what it thinks of the row."""
    found: dict[int, dict[str, Opinion]] = {row: {} for row in rows}
    if table is None:
        return found
    for name in table.names:
        if not name.startswith(_SCORE) or name.endswith(_PLACE):
            continue
        column = table.column(name)
        for row in rows:
            score = float(column[row])
            place = int((column > score).sum())
            known = score == score
            found[row][name.removeprefix(_SCORE)] = Opinion(
                score if known else None, place if known else None
            )
    return found
