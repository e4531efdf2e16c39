"""Requests of the feature log replayed: what serving made of them beside what training would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from search_rerank.bundle import Bundle
from search_rerank.data.event import Interaction
from search_rerank.errors import BundleError, DataError
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.table import FeatureTable
from search_rerank.ranking import looking_at, moment_for
from search_rerank.skew.compare import TOLERANCE, Compared
from search_rerank.skew.record import Served
from search_rerank.state.log import Log
from search_rerank.state.memory import MemoryState
from search_rerank.training import Progress, quiet


@dataclass(frozen=True)
class Skew:
    """What the replay of a feature log found.

    Parameters
    ----------
    compared
        Logged features beside replayed ones.
    gone
        Version of a bundle that cannot be loaded to how many requests it ranked: nobody can tell
        whether those are as they should be.
    """

    compared: Compared
    gone: dict[str, int] = field(default_factory=dict)


def replay_log(
    served: Sequence[Served],
    bundle_of: Callable[[str], Bundle],
    log: Log,
    tolerance: float = TOLERANCE,
    progress: Progress = quiet,
) -> Skew:
    """Compute the features of logged requests again, as training's replay would.

    The state is built anew from the log up to each request's mark, in memory and with the gains
    that the bundle was trained with; scorers and catalogue are those of the bundle that ranked.
    Candidates and the engine's scores are taken as logged: they are inputs of the features.

    Parameters
    ----------
    served
        What was logged.
    bundle_of
        Loads a bundle by its version; a `BundleError` leaves its requests out.
    log
        The state that was served with.

    Raises
    ------
    DataError
        Where no request could be replayed.
    """
    skew = Skew(Compared(tolerance))
    ordered = sorted(served, key=lambda one: (one.bundle, one.mark))
    done = 0
    progress("replay", 0, len(ordered))
    for version, requests in groupby(ordered, key=lambda one: one.bundle):
        own = list(requests)
        try:
            bundle = bundle_of(version)
        except BundleError:
            skew.gone[version] = len(own)
            done += len(own)
            continue
        for one, table in _replayed(own, bundle, log):
            logged = as_table(one)
            failed = [f"score.{name}{of}" for name in one.failed for of in ("", "_place")]
            skew.compared.add(one.id, one.candidates.ids, logged, table, failed)
            done += 1
            progress("replay", done, len(ordered))
    if not ordered:
        raise DataError(
            "expected logged requests, found none that can be read; serve for a while, and check "
            "then"
        )
    if not skew.compared.requests:
        raise DataError(
            f"expected logged requests of a bundle that is there, found {len(ordered)} requests "
            f"of {sorted(skew.gone)}, which are gone; serve with the live one for a while"
        )
    return skew


def as_table(served: Served) -> FeatureTable:
    """Return the logged features as a table of one group."""
    n = len(served.X)
    offsets = np.array([0, n], dtype=np.int64)
    return FeatureTable(served.names, served.X, offsets, np.arange(n, dtype=np.int32))


def _replayed(
    requests: Sequence[Served], bundle: Bundle, log: Log
) -> Iterator[tuple[Served, FeatureTable]]:
    """Yield requests, by rising mark, with the features that a bundle gives them."""
    groups = bundle.config.features.groups
    builder = FeatureBuilder(bundle.catalogue, bundle.scorers, groups=groups)
    state = MemoryState(bundle.config.training.gains)
    mark = 0
    for one in requests:
        if one.mark > mark:
            news = log.appended(mark, one.mark)
            state.append([Interaction.model_construct(**row._asdict()) for row in news])
            state.show(list(log.shown(mark, one.mark)))
            mark = one.mark
        moment = moment_for(bundle, builder, state, one.query, one.candidates, one.personalise)
        table, _ = builder.build(looking_at(moment, one.item, bundle))
        yield one, table
