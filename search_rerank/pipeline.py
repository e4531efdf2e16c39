"""The online path, top to bottom: retrieve, read the state, build features, fuse.

Search never fails because of ranking: a stage that errs is named in `Answer.degraded` and the
answer stands without it. Only the engine being away is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from search_rerank.answer import Answer
from search_rerank.asking import candidates_of
from search_rerank.bundle import Bundle
from search_rerank.config import Config
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.engines.guarded import GuardedEngine
from search_rerank.errors import EngineError
from search_rerank.explaining.explainer import Explainer
from search_rerank.explanation import Explain
from search_rerank.following import Following
from search_rerank.given import given, places, with_unknown
from search_rerank.guarding.aside import GivenUp, waited_for
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.guards import Guards
from search_rerank.hits import Watch, answer_of, make_answer, make_hits
from search_rerank.in_use import InUse
from search_rerank.last_good import LastGood
from search_rerank.newcomers import Newcomers
from search_rerank.query import Query
from search_rerank.ranking import as_they_come, rank
from search_rerank.recommend.basis import basis_of_candidates
from search_rerank.recommend.candidates import PAST, Collector
from search_rerank.recommend.request import Recommend
from search_rerank.retriever import NO_WORD
from search_rerank.stages import Stages
from search_rerank.state.base import Past, State


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
        self._guards = Guards()
        self.engine: Engine = GuardedEngine(engine, self._guards.engine)
        self.state = state
        self.last_good = LastGood.of(config)
        self._following = Following(config, self.engine, bundle)
        self._newcomers = Newcomers(self.engine, config.exploration)
        self._explainer = Explainer(config.reasons, engine)

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
    def in_use(self) -> InUse:
        """What ranks a request that comes now: it is taken once, and kept to the request's end."""
        return self._following.now

    @property
    def bundle_version(self) -> str | None:
        """Name of the bundle in use."""
        bundle = self.in_use.bundle
        return bundle.version if bundle else None

    def reload_if_changed(self) -> bool:
        """Take up the live bundle if it is another one, as `Following.reload_if_changed` does."""
        return self._following.reload_if_changed()

    def load(self, version: str) -> None:
        """Make a bundle live and take it up at once, as `Following.load` does."""
        self._following.load(version)

    def search(
        self,
        query: Query,
        *,
        personalise: bool = True,
        explain: Explain | None = None,
        watch: Watch | None = None,
        deadline: Deadline = NO_DEADLINE,
        share: float = 1.0,
    ) -> Answer:
        """Return the candidates of a query in their final order.

        Parameters
        ----------
        query
            The request; a sorted one keeps the engine's order.
        personalise
            False reads nothing of the shopper: everyone gets the same answer.
        explain
            What is to be told of which hits; None for nothing.
        watch
            Shown the ranking.
        deadline
            By when the answer is wanted: what is late is left out of it.
        share
            Share of the candidates that are reranked; the others follow in the engine's order.

        Raises
        ------
        EngineError
            When the engine is away or refuses the filters or facets.
        """
        in_use = self.in_use
        stages = Stages(self._guards, deadline, in_use.degraded)
        candidates = candidates_of(in_use, query, stages, self.last_good)
        ranking = rank(
            in_use,
            self.state,
            query,
            candidates,
            stages,
            personalise=personalise,
            experiment=self.config.experiment if personalise else None,
            share=share,
        )
        ranking = self._newcomers.placed(ranking, query, personalise, stages.degraded)
        told = self._explainer.told(ranking, candidates, query, in_use, explain, stages)
        return answer_of(candidates, ranking, stages.timings_ms, stages.degraded, told, watch)

    def rerank(
        self,
        query: Query,
        ids: Sequence[str],
        *,
        personalise: bool = True,
        explain: Explain | None = None,
        watch: Watch | None = None,
        deadline: Deadline = NO_DEADLINE,
        share: float = 1.0,
    ) -> Answer:
        """Return the caller's own candidates in their final order, each exactly once.

        They are ranked as the bundle's training ranks lists that were shown. Items that the index
        does not hold come last, in the order given; `Hit.engine_rank` is the place in that order.

        Parameters
        ----------
        query
            Whose text, shopper and moment count; nothing is filtered, counted or left out.
        ids
            Item ids, the caller's best first; one that is there twice counts once.
        personalise, explain, watch, deadline, share
            As for `search`.
        """
        in_use = self.in_use
        stages = Stages(self._guards, deadline, in_use.degraded)
        candidates = given(in_use, query, ids, stages)
        ranking = rank(
            in_use, self.state, query, candidates, stages, personalise=personalise, share=share
        )
        place_of = places(ids)
        told = self._explainer.told(ranking, candidates, query, in_use, explain, stages)
        answer = answer_of(
            candidates, ranking, stages.timings_ms, stages.degraded, told, watch, place_of
        )
        return with_unknown(answer, place_of)

    def recommend(
        self,
        asked: Recommend,
        *,
        personalise: bool = True,
        explain: Explain | None = None,
        watch: Watch | None = None,
        deadline: Deadline = NO_DEADLINE,
        share: float = 1.0,
    ) -> Answer:
        """Return items for a page without a query, best first.

        Candidates come from where the scope says. The bundle in use ranks them as it ranks those
        of an empty query; what was viewed recently keeps its order, and so does what is trending
        for a shopper of whom nothing is known.

        Parameters
        ----------
        asked
            The request.
        personalise
            False reads nothing of the shopper: everyone gets the same answer.
        explain
            What is to be told of which hits; None for nothing.
        watch
            Shown the ranking.
        deadline
            By when the answer is wanted: what is late is left out of it.
        share
            Share of the candidates that are reranked; the others follow in the engine's order.

        Raises
        ------
        EngineError
            When the engine is away, refuses the filters, or does not hold the item asked about.
        """
        in_use = self.in_use
        stages = Stages(self._guards, deadline, in_use.degraded)
        past = self._past(asked, stages) if personalise else []
        collector = Collector(self.engine, in_use, self.state, asked, past, stages.degraded)
        try:
            candidates = stages.run("retrieve", collector.candidates)
        except GivenUp as error:  # there is nothing to give instead
            with stages.timed("retrieve"):
                candidates = waited_for(error, collector.candidates)
        query = asked.query()
        if asked.scope == "recently_viewed" or (asked.scope == "trending" and not past):
            ranking = as_they_come(candidates, len(past))
        else:
            ranking = rank(
                in_use,
                self.state,
                query,
                candidates,
                stages,
                personalise=personalise,
                item=asked.item,
                share=share,
            )
        if asked.scope == "personal":
            ranking = self._newcomers.placed(ranking, query, personalise, stages.degraded)
        if ranking.basis is None and len(candidates):  # the candidates are of something
            ranking = replace(ranking, basis=basis_of_candidates(asked, past))
        told = self._explainer.told(ranking, candidates, query, in_use, explain, stages)
        return answer_of(candidates, ranking, stages.timings_ms, stages.degraded, told, watch)

    def similar(self, item_id: str, k: int) -> Answer:
        """Return the k items nearest to an item: by vector, or by title where it has none.

        Raises
        ------
        EngineError
            When the index does not hold the item.
        """
        stages = Stages()
        with stages.timed("retrieve"):
            stored = self.engine.lookup([item_id])[0]
            if stored is None:
                raise EngineError(f"expected an item of the index, found no item {item_id!r}")
            text = stored.item.title if stored.vector is None else NO_WORD
            found = self.engine.retrieve(Retrieve(text=text, vector=stored.vector, k=k + 1))
        others = np.flatnonzero([id_ != item_id for id_ in found.ids])[:k]
        nearest = replace(found.take(others), total=len(others))
        hits = make_hits(nearest, nearest.score, np.arange(len(others)))
        return make_answer(
            nearest, hits, history=0, timings_ms=stages.timings_ms, degraded=[], bundle=None
        )

    def close(self) -> None:
        """Release the engine."""
        self.engine.close()

    def _past(self, asked: Recommend, stages: Stages) -> Sequence[Past]:
        read = partial(self.state.history, asked.user, asked.session, PAST)
        try:
            return stages.run("state", read, self._guards.state)
        except Exception as error:  # what everyone gets is an answer, too
            stages.lost("state", error)
            return []
