"""An answer's id, and its way into the feature log where it is one of the share that is written."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from search_rerank.answer import Answer
from search_rerank.errors import StateError
from search_rerank.skew.record import Served
from service.in_time import from_state
from service.metrics import metrics
from service.runtime import Runtime

if TYPE_CHECKING:
    from search_rerank.hits import Watch
    from search_rerank.ranking import Ranking

logger = logging.getLogger(__name__)
_SCORER = "score."


class Watching:
    """Watches one request being ranked; costs nothing where it is not to be written.

    Parameters
    ----------
    run
        Whose state is ranked with, and whose feature log is written.
    personalise, item
        As the pipeline is asked; what is not personalised is not written, either.
    shown
        The places that the shopper sees; what begins further down is named by its first place, too.
    """

    def __init__(
        self, run: Runtime, personalise: bool, shown: range, item: str | None = None
    ) -> None:
        self.id = uuid4().hex + (f".{shown.start}" if shown.start else "")
        self._run = run
        self._personalise = personalise
        self._item = item
        self._shown = shown
        self._ranking: Ranking | None = None
        self._samples = metrics().wants_features()
        self._marks = [self._mark()] if personalise and run.feature_log.wants(self.id) else []

    @property
    def watch(self) -> Watch | None:
        """What the pipeline shows the ranking to; None where nobody looks."""
        return self._see if self._marks or self._samples else None

    def answered(self, answer: Answer) -> Answer:
        """Return the answer under its id, and write its record.

        What was ranked while the state grew is not written: nobody could say how much of the
        news each of its columns has seen.
        """
        answer = replace(answer, id=self.id)
        ranking = self._ranking
        if ranking is None or self._marks[0] is None or len(set(self._marks)) > 1:
            return answer
        if not answer.personalised:  # the shopper had opted out
            return answer
        moment, table, bundle = ranking.moment, ranking.table, ranking.bundle
        if moment is None or table is None or bundle is None:  # nothing was ranked
            return answer
        stages = {part.stage for part in answer.degraded}
        if "state" in stages:  # its features are those of a state without any events
            return answer
        served = Served(
            id=self.id,
            bundle=bundle,
            query=moment.query,
            mark=self._marks[0],
            personalise=self._personalise,
            item=self._item,
            failed=tuple(
                one.removeprefix(_SCORER) for one in sorted(stages) if one.startswith(_SCORER)
            ),
            candidates=moment.candidates,
            names=table.names,
            X=table.X,
            order=ranking.order.astype(np.int32),
            shown=self._shown.stop,
        )
        self._run.feature_log.write(served)
        return answer

    def _see(self, ranking: Ranking) -> None:
        if self._samples:
            metrics().ranked(ranking)
        if self._marks:
            self._ranking = ranking
            self._marks.append(self._mark())

    def _mark(self) -> int | None:
        try:
            with self._run.pipeline() as pipeline:
                return from_state(pipeline, self._run.state.mark)
        except StateError as error:  # the ranking tells, too
            logger.warning("a request is not written to the feature log: %s", error)
            return None
