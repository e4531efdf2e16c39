"""What the shoppers of an experiment did, counted from a log of events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.errors import DataError
from search_rerank.experiments.analysis import (
    Effect,
    difference_of_means,
    difference_of_ratios,
    sample_ratio_mismatch,
)
from search_rerank.experiments.assignment import Experiment

RANKINGS, CLICKED = "rankings", "rankings with a click"
CLICK = "click"


@dataclass(frozen=True)
class Outcomes:
    """What m shoppers did from the first ranking that they were shown.

    Parameters
    ----------
    shoppers
        Their ids (m,).
    counts
        Name to number for each shopper, float64 (m,): `RANKINGS`, rankings that led to a click
        (`CLICKED`), and each type of interaction.
    """

    shoppers: Sequence[str]
    counts: Mapping[str, NDArray[np.float64]]

    def where(self, mask: NDArray[np.bool_]) -> Outcomes:
        """Return the shoppers under a mask (m,)."""
        kept = [shopper for shopper, keep in zip(self.shoppers, mask, strict=True) if keep]
        return Outcomes(kept, {name: values[mask] for name, values in self.counts.items()})


def count(
    events: Iterable[Event], since_ms: int | None = None, until_ms: int | None = None
) -> Outcomes:
    """Count what shoppers did in a time.

    Who was shown no ranking is left out: the experiment changed nothing for them. A shopper is a
    user, or the session of a visitor without an account.

    Parameters
    ----------
    since_ms, until_ms
        Unix milliseconds from which on and before which events count; None for all.

    Raises
    ------
    DataError
        Where the time holds no ranking.
    """
    start = since_ms if since_ms is not None else 0
    inside = [
        event
        for event in events
        if event.time_ms >= start and (until_ms is None or event.time_ms < until_ms)
    ]
    first: dict[str, int] = {}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for event in inside:
        if isinstance(event, Ranking) and (who := shopper_of(event)) is not None:
            first[who] = min(event.time_ms, first.get(who, event.time_ms))
            found[RANKINGS][who] += 1
    if not first:
        raise DataError(
            "expected rankings by known shoppers or sessions in the time asked for, found none: an "
            "experiment is counted from what was shown, so log rankings"
        )
    clicked = set()
    for event in inside:
        if not isinstance(event, Interaction):
            continue
        who = shopper_of(event)
        if who is None or event.time_ms < first.get(who, event.time_ms + 1):
            continue
        found[event.type][who] += 1
        if event.type == CLICK and event.ranking is not None and event.ranking not in clicked:
            clicked.add(event.ranking)
            found[CLICKED][who] += 1
    shoppers = sorted(first)
    return Outcomes(
        shoppers,
        {
            name: np.array([of[who] for who in shoppers], dtype=np.float64)
            for name, of in found.items()
        },
    )


def shopper_of(event: Event) -> str | None:
    """Return whom an experiment assigns: the user, or the session of a visitor."""
    return event.user if event.user is not None else event.session


@dataclass(frozen=True)
class Comparison:
    """Two variants of an A/B test.

    Parameters
    ----------
    control, treatment
        Their names.
    effects
        What was measured to how the treatment differs.
    """

    control: str
    treatment: str
    effects: Mapping[str, Effect]


@dataclass(frozen=True)
class Result:
    """What an A/B test found.

    Parameters
    ----------
    shoppers
        Variant to how many shoppers saw it.
    mismatch
        p-value of these numbers; below `search_rerank.experiments.analysis.MISMATCH` the test is
        broken.
    comparisons
        Each variant against the first.
    """

    shoppers: Mapping[str, int]
    mismatch: float
    comparisons: Sequence[Comparison]


def analyse(outcomes: Outcomes, experiment: Experiment) -> Result:
    """Part the shoppers by the experiment's hash and compare each variant with the first.

    Rankings are compared a shopper, by means; everything else a ranking, by ratios of sums.

    Raises
    ------
    DataError
        Where a variant has fewer than two shoppers.
    """
    of = np.array([variant or "" for variant in experiment.variants(outcomes.shoppers)])
    parts = {name: outcomes.where(of == name) for name in experiment.shares}
    numbers = {name: len(part.shoppers) for name, part in parts.items()}
    control, *treatments = parts
    comparisons = []
    for treatment in treatments:
        a, b = parts[control].counts, parts[treatment].counts
        effects = {f"{RANKINGS} per shopper": difference_of_means(a[RANKINGS], b[RANKINGS])}
        for name in sorted(outcomes.counts.keys() - {RANKINGS}):
            effects[f"{name} per ranking"] = difference_of_ratios(
                (a[name], a[RANKINGS]), (b[name], b[RANKINGS])
            )
        comparisons.append(Comparison(control, treatment, effects))
    mismatch = sample_ratio_mismatch(list(numbers.values()), list(experiment.shares.values()))
    return Result(numbers, mismatch, comparisons)
