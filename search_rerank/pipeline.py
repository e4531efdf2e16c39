"""The online path, top to bottom: retrieve, read the state, build features, fuse.

Search never fails because of ranking: a stage that errs is named in `Answer.degraded` and the
answer stands without it. Only the engine being away is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from search_rerank.answer import Answer
from search_rerank.asking import candidates_of
from search_rerank.bundle import Bundle
from search_rerank.config import Config
from search_rerank.consent import consented
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine
from search_rerank.engines.guarded import GuardedEngine
from search_rerank.explaining.explainer import NOTHING, Explainer
from search_rerank.explanation import Explain
from search_rerank.following import Following
from search_rerank.given import given, places, with_unknown
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.guards import Guards
from search_rerank.hits import Made, Watch, answer_of
from search_rerank.in_use import InUse
from search_rerank.last_good import LastGood
from search_rerank.newcomers import Newcomers
from search_rerank.query import Query
from search_rerank.ranking import as_they_come, rank
from search_rerank.recommend.alike import alike
from search_rerank.recommend.basis import basis_of_candidates
from search_rerank.recommend.collecting import collected, past_of
from search_rerank.recommend.order import keeps_order
from search_rerank.recommend.request import Recommend
from search_rerank.rules.keeping import rules_path
from search_rerank.rules.rule_set import RuleSet
from search_rerank.rules.rulebook import Rulebook
from search_rerank.rules.ruling import Ruling
from search_rerank.stages import Stages, answered
from search_rerank.state.base import State


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
        self.guards = Guards()
        self.engine: Engine = GuardedEngine(engine, self.guards.engine)
        self.state = state
        self.last_good = LastGood.of(config)
        self._following = Following(config, self.engine, bundle)
        self._newcomers = Newcomers(self.engine, config.exploration)
        self.rules = Rulebook(rules_path(config), self.engine)
        self._explainer = Explainer(config.reasons, engine)

    @classmethod
    def open(cls, config: Config, state: State, *, strict: bool = True) -> Pipeline:
        """Open the engine and the live bundle that a configuration names.

        Raises
        ------
        BundleError
            When `strict`, and the bundle is damaged or of an index with other vectors.
        EngineError
            When the engine cannot be opened or has no live version.
        """
        pipeline = cls(config, open_engine(config), state)
        try:
            pipeline.engine.count()
            pipeline._following.reload_if_changed(strict)
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
        return self.in_use.version

    def reload_if_changed(self) -> bool:
        """Take up the live bundle, as `Following.reload_if_changed` does, and the rules."""
        self.rules.follow()
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
        rules: RuleSet | None = None,
    ) -> Answer:
        """Return the candidates of a query in their final order.

        Parameters
        ----------
        query
            The request; a sorted one keeps the engine's order.
        personalise
            False reads nothing of the shopper, as for one who opted out: all get the same answer.
        explain
            What is to be told of which hits; None for nothing.
        watch
            Shown the ranking.
        deadline
            By when the answer is wanted: what is late is left out of it.
        share
            Share of the candidates that are reranked; the others follow in the engine's order.
        rules
            What holds instead of the rules in use.

        Raises
        ------
        EngineError
            When the engine is away or refuses the filters or facets.
        """
        in_use = self.in_use

        def make(stages: Stages) -> Made:
            own, personal = consented(self.state, query, personalise, stages)
            ruling = self.rules.ruling("search", own, stages, rules=rules)
            candidates = ruling.candidates(
                lambda filters: candidates_of(
                    in_use, replace(own, filters=filters), stages, self.last_good
                ),
                in_use,
            )
            ranking = rank(
                in_use,
                self.state,
                own,
                candidates,
                stages,
                personalise=personal,
                experiment=self.config.experiment if personal else None,
                share=share,
            )
            ranking = self._newcomers.placed(ranking, own, personal, stages.degraded)
            candidates, ranking = ruling.applied(candidates, ranking)
            told = self._explainer.told(ranking, candidates, own, in_use, explain, stages)
            return Made(candidates, ranking, told, stages, personal)

        return answer_of(answered(make, self.guards, deadline, in_use.degraded), watch)

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
        """Return the caller's own candidates in their final order, each once that no rule hides.

        They are ranked as lists that were shown. Items that the index does not hold come last, in
        the order given; `Hit.engine_rank` is the place in that order.

        Parameters
        ----------
        query
            Whose text, shopper and moment count; nothing is filtered, counted or left out.
        ids
            Item ids, the caller's best first; one that is there twice counts once.
        personalise, explain, watch, deadline, share
            As for `search`.
        """
        in_use, place_of = self.in_use, places(ids)

        def make(stages: Stages) -> tuple[Made, Ruling]:
            own, personal = consented(self.state, query, personalise, stages)
            candidates = given(in_use, own, ids, stages)
            ranking = rank(
                in_use, self.state, own, candidates, stages, personalise=personal, share=share
            )
            ruling = self.rules.ruling("rerank", own, stages)
            candidates, ranking = ruling.applied(candidates, ranking)
            told = self._explainer.told(ranking, candidates, own, in_use, explain, stages)
            return Made(candidates, ranking, told, stages, personal), ruling

        made, ruling = answered(make, self.guards, deadline, in_use.degraded)
        unknown = ruling.still_shown(place_of, made.candidates, made.ranking)
        return with_unknown(answer_of(made, watch, place_of), unknown)

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

        Candidates of the scope are ranked as those of an empty query. What was viewed recently
        keeps its order, as what is trending does for a stranger, and what is like a new item.

        Parameters
        ----------
        personalise, explain, watch, deadline, share
            As for `search`.

        Raises
        ------
        EngineError
            When the engine is away, refuses the filters, or does not hold the item asked about.
        """
        in_use = self.in_use

        def make(stages: Stages) -> Made:
            own, personal = consented(self.state, asked, personalise, stages)
            past = past_of(own, self.state, stages) if personal else []
            query, viewed = own.query(), own.scope == "recently_viewed"
            ruling = self.rules.ruling("recommend", query, stages, moves=not viewed)
            candidates = ruling.candidates(
                lambda filters: collected(
                    replace(own, filters=filters), past, in_use, self.state, stages, self.last_good
                ),
                in_use,
                shelf=True,
                but=own.item,
            )
            if keeps_order(own, past, in_use):
                ranking = as_they_come(candidates, len(past))
            else:
                ranking = rank(
                    in_use,
                    self.state,
                    query,
                    candidates,
                    stages,
                    personalise=personal,
                    item=own.item,
                    share=share,
                )
            if own.scope == "personal":
                ranking = self._newcomers.placed(ranking, query, personal, stages.degraded)
            if ranking.basis is None and len(candidates):  # the candidates are of something
                ranking = replace(ranking, basis=basis_of_candidates(own, past))
            candidates, ranking = ruling.applied(candidates, ranking)
            told = self._explainer.told(ranking, candidates, query, in_use, explain, stages)
            return Made(candidates, ranking, told, stages, personal)

        return answer_of(answered(make, self.guards, deadline, in_use.degraded), watch)

    def similar(self, item_id: str, k: int, now_ms: int = 0) -> Answer:
        """Return the k items nearest to an item, but for those that rules hide at a moment.

        Raises
        ------
        EngineError
            When the index does not hold the item.
        """
        stages = Stages()
        with stages.timed("retrieve"):
            ruling = self.rules.ruling("recommend", Query(now_ms=now_ms), stages, moves=False)
            near = ruling.candidates(
                lambda filters: alike(self.engine, item_id, k, filters), self.in_use
            )
        return answer_of(Made(*ruling.applied(near, as_they_come(near, 0)), NOTHING, stages))

    def close(self) -> None:
        """Release the engine."""
        self.engine.close()
