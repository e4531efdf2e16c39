"""The offline path, top to bottom: what is known at a cut, the rows replayed after it, the fusions.

Scorers are fitted on events before t1; the fusions learn from the queries of t1..t2; evaluation
uses what came after t2, with scorers fitted again before t2; for serving they are fitted on all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from search_rerank.bundle import Bundle
from search_rerank.config import Config, TrainingConfig
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.dataset import Dataset
from search_rerank.data.events import Events
from search_rerank.data.learnt import LearntFrom
from search_rerank.data.properties import check_names
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.encoders.cross import load_cross_encoder
from search_rerank.engines.base import Engine
from search_rerank.errors import DataError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.late import late_features
from search_rerank.fitting import Fitted, fit_fusions
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.indexing import boosts, write_catalogue
from search_rerank.labels.objectives import worth
from search_rerank.labels.propensity import Propensities, estimate
from search_rerank.labels.weighing import inverse_propensities, weigh
from search_rerank.occasions import Occasion, from_log, from_protocol
from search_rerank.replay import Replay, Replayed
from search_rerank.retriever import Retriever
from search_rerank.scorers import create, fit
from search_rerank.scorers.base import Scorer

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and of how much."""
Rows = Callable[[Replay, "Shop", Sequence[Occasion], int, Progress], Replayed]


def quiet(what: str, done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True)
class Shop:
    """A data set made ready: its columns, its vectors, and the engine that holds its items."""

    dataset: Dataset
    catalogue: Catalogue
    events: Events
    engine: Engine
    encoder: Encoder
    cache: VectorCache
    config: Config

    @property
    def live(self) -> bool:
        """Whether the state grows during replay."""
        asked = self.config.training.live
        return self.dataset.query_items is None if asked is None else asked


@dataclass(frozen=True)
class Cuts:
    """Times in unix milliseconds: scorers learn before `train`, fusions before `test`."""

    train: int
    test: int
    end: int


def open_shop(
    dataset: Dataset, config: Config, engine: Engine, encoder: Encoder, cache: VectorCache
) -> Shop:
    """Encode the catalogue (through the cache) and put catalogue and log into columns."""
    vectors = cache.encode(encoder, [item.text() for item in dataset.items])
    check_names(dataset.items, config.features.attributes)
    catalogue = Catalogue.from_items(
        dataset.items, vectors, config.features.attributes, config.index.language
    )
    events = Events.from_events(dataset.events, catalogue.ids)
    return Shop(dataset, catalogue, events, engine, encoder, cache, config)


def cuts(events: Events, config: TrainingConfig) -> Cuts:
    """Return the times at which the log is cut, by quantiles of the interactions' times.

    Raises
    ------
    DataError
        When the log is too short to be cut, or the quantiles are out of order.
    """
    if config.train_quantile >= config.test_quantile:
        raise DataError(
            "expected training.train_quantile below training.test_quantile, "
            f"found {config.train_quantile} and {config.test_quantile}"
        )
    if len(events) < 10:
        raise DataError(
            f"expected at least 10 interactions with items of the catalogue, found {len(events)}: "
            "check that the log and the catalogue use the same ids"
        )
    train, test = np.quantile(events.time_ms, [config.train_quantile, config.test_quantile])
    return Cuts(int(train), int(test), int(events.time_ms[-1]) + 1)


def fit_scorers(shop: Shop, cut_ms: int) -> list[Scorer]:
    """Fit every configured scorer on the events before a time."""
    past = shop.events.before(cut_ms)
    shared = {"gains": shop.config.training.gains}
    return [
        fit(create(scorer.name, scorer.options, shared), past, shop.catalogue, now_ms=cut_ms)
        for scorer in shop.config.scorers
    ]


@contextmanager
def as_of(shop: Shop, cut_ms: int) -> Iterator[Replay]:
    """Give a replay that knows what the shop knew at a time: its scorers and an index of its own.

    The index version is dropped at the end.
    """
    config = shop.config
    gains = config.training.gains
    if config.training.cross_encoder:
        load_cross_encoder(config.training.cross_encoder)  # what is missing is told at once
    factors = boosts(shop.events, cut_ms, gains, config.retrieval.popularity_weight)
    written = write_catalogue(
        shop.engine,
        shop.encoder,
        shop.cache,
        shop.dataset.items,
        boosts=factors,
        index=config.index,
    )
    late = late_features(config.training.cross_encoder, shop.engine, written.version)
    try:
        yield Replay(
            retriever=Retriever(shop.engine, shop.encoder, written.version, config.retrieval),
            builder=FeatureBuilder(
                shop.catalogue, fit_scorers(shop, cut_ms), late, config.features.groups
            ),
            gains=gains,
            history=config.training.history,
            live=shop.live,
        )
    finally:
        shop.engine.drop(written.version)


def tasks(shop: Shop, start_ms: int, end_ms: int) -> dict[str, list[Occasion]]:
    """Return the occasions of a window, by the prefix of their rows in tables.

    A shop's own log asks one thing: find and rank in the whole catalogue. A data set that says
    which items a query asks for is ranked on those, and end to end (`e2e_`) beside it.
    """
    k, gains = shop.config.retrieval.k, shop.config.training.gains
    asks = shop.dataset.query_items
    if asks is None:
        labels, shown = shop.config.labels, shop.config.training.candidates == "shown"
        return {"": from_log(shop.events, start_ms, end_ms, gains, k, shown, labels)}
    window = (shop.events, asks, start_ms, end_ms, gains, k)
    return {"": from_protocol(*window), "e2e_": from_protocol(*window, whole_catalogue=True)}


def spread(among: Sequence[T], n: int) -> Sequence[T]:
    """Return n of a sequence spread evenly over all of it, in order; all if there are fewer."""
    if len(among) <= n:
        return among
    return [among[i] for i in np.linspace(0, len(among) - 1, n).astype(int).tolist()]


class Learnt(dict[str, Fitted]):
    """Prefix of the task to name to fusion.

    Parameters
    ----------
    propensities
        The position bias that the fusions were corrected for, None where none was asked for.
    """

    def __init__(self, propensities: Propensities | None) -> None:
        super().__init__()
        self.propensities = propensities


def training_rows(
    replay: Replay, shop: Shop, occasions: Sequence[Occasion], cut_ms: int, progress: Progress
) -> Replayed:
    """Return what fusions learn from: occasions replayed, all of them."""
    parts = replayed(replay, shop, occasions, cut_ms, progress, "training rows")
    return Replayed.concat(list(parts))


def train(shop: Shop, progress: Progress = quiet, make: Rows = training_rows) -> Learnt:
    """Learn the fusions from the queries between the cuts, on the rows that `make` gives."""
    cut = cuts(shop.events, shop.config.training)
    learnt = Learnt(propensities(shop, cut.test, progress))
    with as_of(shop, cut.train) as replay:
        for prefix, occasions in tasks(shop, cut.train, cut.test).items():
            chosen = spread(occasions, shop.config.training.max_rankings)
            if not chosen:
                raise DataError(
                    "expected queries with an interaction between the quantiles "
                    "training.train_quantile and training.test_quantile of the log, found none: "
                    "give a longer log, or types of interaction a gain in training.gains"
                )
            rows = make(replay, shop, chosen, cut.train, progress)
            progress("fusions", 0, 1)
            learnt[prefix] = fit_on_labels(rows, shop, learnt.propensities)
            progress("fusions", 1, 1)
    return learnt


def propensities(shop: Shop, end_ms: int, progress: Progress = quiet) -> Propensities | None:
    """Return how often each place was looked at before a time; None where bias is left as it is."""
    config = shop.config
    if config.labels.bias == "none":
        return None
    progress("position bias", 0, 1)
    rng = np.random.default_rng(config.training.seed)
    found = estimate(shop.events, config.labels, config.training.gains, end_ms, rng)
    progress("position bias", 1, 1)
    return found


def fit_on_labels(rows: Replayed, shop: Shop, bias: Propensities | None) -> Fitted:
    """Fit every fusion on what the settings make of the rows' gains; see docs/labels.md.

    Parameters
    ----------
    bias
        What `propensities` returned.
    """
    labels, training = shop.config.labels, shop.config.training
    value = worth(shop.dataset.items, labels.objectives)
    told = bias is not None and bias.method != "none"
    positions = rows.places if told and labels.bias == "position" else None
    inverse = told and labels.bias == "ips"
    if value is None and not inverse:
        return fit_fusions(rows, training, positions=positions)
    factor = np.ones(len(rows.gains))
    if value is not None:
        factor *= np.where(rows.items >= 0, value[rows.items], value.mean())
    if bias is not None and inverse:
        factor *= inverse_propensities(rows.gains, rows.places, bias, labels.clip)
    weighed = weigh(rows.gains, factor, rows.table.offsets)
    rows = replace(rows, gains=weighed.gains)
    return fit_fusions(rows, training, weights=weighed.weights, positions=positions)


def replayed(
    replay: Replay,
    shop: Shop,
    occasions: Sequence[Occasion],
    cut_ms: int,
    progress: Progress,
    what: str,
) -> Iterator[Replayed]:
    """Yield the rows of occasions, reporting progress."""
    done = 0

    def step(n: int) -> None:
        nonlocal done
        done += n
        progress(what, done, len(occasions))

    progress(what, 0, len(occasions))
    yield from replay.run(shop.events, occasions, cut_ms, step)


def make_bundle(shop: Shop, fusions: Mapping[str, Mapping[str, Fusion]]) -> Bundle:
    """Return what serves: scorers fitted on the whole log, beside the fusions learnt from it."""
    cut = cuts(shop.events, shop.config.training)
    scorers = fit_scorers(shop, cut.end)
    trees = next(iter(fusions.values()))["lambdamart"]
    if not isinstance(trees, LambdaMart):
        raise TypeError(f"expected a LambdaMart, found {type(trees).__name__}")
    return Bundle(
        catalogue=shop.catalogue,
        scorers=scorers,
        encoder=shop.encoder,
        fusions=fusions,
        features=trees.features,
        config=shop.config,
        learnt=LearntFrom(cut.end, len(shop.events), fusions_until_ms=cut.test),
        selections={
            prefix: task.selection for prefix, task in fusions.items() if isinstance(task, Fitted)
        },
        propensities=fusions.propensities if isinstance(fusions, Learnt) else None,
    )
