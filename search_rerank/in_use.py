"""The bundle that a request is ranked with, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from search_rerank.answer import Degraded
from search_rerank.bundle import Bundle
from search_rerank.config import Config
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.late import late_features
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.retriever import Retriever


@dataclass(frozen=True)
class InUse:
    """One bundle with the features' builder and the retriever that go with it.

    A request takes it once and keeps it to its end, whatever is taken up meanwhile.

    Parameters
    ----------
    config
        Settings of this process.
    engine
        Where the items are.
    bundle
        What to rank with; None keeps the engine's order.
    builder
        Of the bundle's features.
    retriever
        Asks with vectors of the bundle, unless the live index holds those of another encoder.
    left
        That a newer bundle was left, None where none was.
    misfit
        That the live index is another encoder's, None where it is the bundle's.
    """

    config: Config
    engine: Engine
    bundle: Bundle | None
    builder: FeatureBuilder | None
    retriever: Retriever
    left: Degraded | None = None
    misfit: Degraded | None = None

    @classmethod
    def of(cls, config: Config, engine: Engine, bundle: Bundle | None) -> Self:
        """Make what goes with a bundle."""
        builder = None
        if bundle is not None:
            late = late_features(bundle.config.training.cross_encoder, engine)
            builder = FeatureBuilder(
                bundle.catalogue, bundle.scorers, late, bundle.config.features.groups
            )
        retriever = _retriever(config, engine, bundle.encoder if bundle else None)
        return cls(config, engine, bundle, builder, retriever)

    @property
    def version(self) -> str | None:
        """Name of the bundle, None where there is none."""
        return self.bundle.version if self.bundle else None

    @property
    def degraded(self) -> list[Degraded]:
        """What every answer must say: a newer bundle was left, or the index is another's."""
        return [one for one in (self.left, self.misfit) if one is not None]

    @property
    def has_vectors(self) -> bool:
        """Whether vectors of the bundle mean something in the live index."""
        return self.bundle is not None and self.misfit is None

    @property
    def ranking_ms(self) -> float | None:
        """Milliseconds that the fusion of an answer may take, None without a limit."""
        return self.config.service.ranking_ms

    @property
    def compiled(self) -> bool | None:
        """Whether all trees that may rank a request are machine code; None where none do."""
        trees = self._boosted()
        return all(one.compiled for one in trees) if trees else None

    def compile_next(self) -> None:
        """Compile the next trees that may rank a request, if any are left; it takes seconds.

        To be called beside the requests, again and again: what is in use may change meanwhile.
        """
        left = [one for one in self._boosted() if one.compiled is None]
        if left:
            left[0].compile()

    def _boosted(self) -> list[LambdaMart]:
        """Return the trees of the fusion that serves, then those of an experiment."""
        if self.bundle is None:
            return []
        fusions, experiment = [self.bundle.ranker], self.config.experiment
        if experiment.name:
            names = (experiment.treatment, experiment.control)
            fusions += [self.bundle.serving[name] for name in names if name in self.bundle.serving]
        return [trees for fusion in fusions for trees in fusion.boosted()]

    def by_words(self) -> Retriever:
        """Return a retriever that asks for no vectors."""
        return _retriever(self.config, self.engine, None)

    def by_vectors(self) -> Retriever:
        """Return a retriever that asks with vectors of the bundle, where there is one."""
        return _retriever(self.config, self.engine, self.bundle.encoder if self.bundle else None)


def _retriever(config: Config, engine: Engine, encoder: Encoder | None) -> Retriever:
    return Retriever(engine, encoder, config=config.retrieval)
