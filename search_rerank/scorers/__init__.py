"""Functions of a history: each gives every candidate one number."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, cast

from search_rerank.errors import ConfigError, SearchRerankError, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search_rerank.data.catalogue import Catalogue
    from search_rerank.data.events import Events
    from search_rerank.scorers.base import Scorer
    from search_rerank.scorers.fitted import Fitted
    from search_rerank.scorers.news import How, News

log = logging.getLogger(__name__)
SCORERS: Mapping[str, tuple[str, str]] = {
    "popularity": ("popularity", "Popularity"),
    "item_knn": ("item_knn", "ItemKnn"),
    "als": ("als", "Als"),
    "content": ("content", "Content"),
    "user_knn": ("user_knn", "UserKnn"),
    "co_occurrence": ("co_occurrence", "CoOccurrence"),
    "graph_filter": ("graph_filter", "GraphFilter"),
    "bpr": ("bpr", "Bpr"),
    "logistic_mf": ("logistic_mf", "LogisticMf"),
    "affinity": ("affinity", "Affinity"),
    "trend": ("trend", "Trend"),
    "sequence": ("sequence", "Sequence"),
    "neural_mf": ("neural_mf", "NeuralMf"),
    "neural_cf": ("neural_cf", "NeuralCf"),
    "cross_category": ("cross_category", "CrossCategory"),
    "category_popularity": ("category_popularity", "CategoryPopularity"),
    "click_rate": ("click_rate", "ClickRate"),
}
"""Name to (module, class); a module is loaded when its scorer is first made."""


def create(
    name: str,
    options: Mapping[str, object] | None = None,
    shared: Mapping[str, object] | None = None,
) -> Scorer:
    """Return an unfitted scorer with these options; what is left out has its default.

    Parameters
    ----------
    name
        One of `SCORERS`.
    options
        The scorer's own.
    shared
        Defaults for those of these options that the scorer has.

    Raises
    ------
    ConfigError
        On an unknown scorer or option, naming the nearest known one.
    """
    scorer = _class(name)
    has = scorer().options() if shared else {}
    common = {option: value for option, value in (shared or {}).items() if option in has}
    return cast("Scorer", scorer.from_options(common | dict(options or {})))


def restore(
    name: str, options: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]
) -> Scorer:
    """Return a fitted scorer from its name, its options and what its `arrays` returned.

    Raises
    ------
    ConfigError
        On an unknown scorer or option, naming the nearest known one.
    BundleError
        Where the arrays are not those of this scorer.
    """
    return cast("Scorer", _class(name).from_arrays(options, arrays))


def fit(scorer: Scorer, events: Events, catalogue: Catalogue, *, now_ms: int) -> Scorer:
    """Return a scorer fitted on events before a time.

    Raises
    ------
    ConfigError
        Where a fit with its options breaks down, whatever the library behind it raised.
    """
    with _told(scorer, "fit"):
        return scorer.fit(events, catalogue, now_ms=now_ms)


def update(scorer: Scorer, news: News) -> tuple[Scorer, How]:
    """Return a fitted scorer with what came since, and what was done; raises as `fit`."""
    with _told(scorer, "update"):
        return scorer.update(news)


@contextmanager
def _told(scorer: Scorer, what: str) -> Iterator[None]:
    try:
        yield
    except SearchRerankError:
        raise
    except Exception as error:
        log.info("%s: its %s failed", scorer.name, what, exc_info=True)
        raise ConfigError(
            f"{scorer.name}: its {what} failed ({type(error).__name__}: {error}); with its options "
            f"{scorer.options()} numbers may leave their range or the memory: change them, or "
            "leave the scorer out; -v shows where it failed"
        ) from error


def _class(name: str) -> type[Fitted]:
    if name not in SCORERS:
        raise ConfigError(f"unknown scorer {name!r}{nearest(name, SCORERS)}")
    module, class_name = SCORERS[name]
    return cast("type[Fitted]", getattr(import_module(f"{__name__}.{module}"), class_name))
