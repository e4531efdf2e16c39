"""Which features raised a hit most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_rerank.explaining.families import ORDER, family_of
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.stage import Step


@dataclass(frozen=True)
class Lead:
    """The family of features that raised a hit most, and the first of them."""

    family: str
    feature: str


@dataclass(frozen=True)
class Parts:
    """What one step made a row's score of.

    Parameters
    ----------
    step
        The step.
    score, base
        What it gave the row, and what it gives where nothing is known.
    values
        Feature to contribution; with `base` they sum to `score`.
    """

    step: Step
    score: float
    base: float
    values: Mapping[str, float]


def parts_of(
    steps: Sequence[Step], rows: Sequence[int], same: frozenset[str] = frozenset()
) -> dict[int, list[Parts]]:
    """Return for each row what the last step that came to it made of it.

    Where the row was led by the order that reached that step, what the step before made of it
    follows: only then, for trees are dear to take apart.
    """
    found: dict[int, list[Parts]] = {row: [] for row in rows}
    waiting = set(rows)
    for step in reversed(steps):
        place = {row: n for n, row in enumerate(step.rows.tolist()) if row in waiting}
        if not place:
            continue
        mask = np.zeros(len(step.rows), dtype=bool)
        mask[list(place.values())] = True
        told = step.contributions(mask)
        explained = np.cumsum(mask) - 1
        for row, n in place.items():
            values = dict(zip(told.names, told.values[explained[n]].tolist(), strict=True))
            found[row].append(Parts(step, float(step.scores[n]), told.expected, values))
            lead = _leading(values, same)
            if lead is None or lead.family != ORDER:
                waiting.discard(row)
    return found


def lead_of(told: Sequence[Parts], same: frozenset[str] = frozenset()) -> Lead | None:
    """Return what raised a row most; None where nothing did.

    The contributions of a family are summed. Where what leads is the order that reached the last
    stage, the stage before it tells what led there.

    Parameters
    ----------
    told
        As `parts_of` gave it.
    same
        Features that are the same for all candidates: they cannot be why this one stands before
        another.
    """
    return _leading(told[-1].values, same) if told else None


def same_for_all(table: FeatureTable) -> frozenset[str]:
    """Return the features that do not tell the rows of a table apart."""
    first = table.X[:1]
    equal = (table.X == first) | (np.isnan(table.X) & np.isnan(first))
    return frozenset(
        name for name, one in zip(table.names, equal.all(axis=0).tolist(), strict=True) if one
    )


def _leading(values: Mapping[str, float], same: frozenset[str]) -> Lead | None:
    sums: dict[str, float] = defaultdict(float)
    first: dict[str, str] = {}
    for name, value in values.items():
        if name not in same:
            family = family_of(name)
            sums[family] += value
            if family not in first or value > values[first[family]]:
                first[family] = name
    if not sums:
        return None
    family = max(sums, key=lambda name: sums[name])
    return Lead(family, first[family]) if sums[family] > 0 else None
