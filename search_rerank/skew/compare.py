"""Two feature tables of the same rows, compared column by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable

TOLERANCE = 1e-4
"""Values differ when they are farther apart than this share of the larger one."""
_ROUNDING = 1e-6
EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """One row in which a feature differs; NaN is no value."""

    request: str
    item: str
    one: float
    other: float


@dataclass
class Differing:
    """A feature that differs.

    Parameters
    ----------
    rows, requests
        In how many rows, and in how many requests, it differs.
    largest
        Largest difference of two values; NaN where one side never has a value.
    examples
        The first few rows.
    """

    rows: int = 0
    requests: int = 0
    largest: float = float("nan")
    examples: list[Example] = field(default_factory=list)


@dataclass
class Compared:
    """What comparing many tables found.

    Parameters
    ----------
    tolerance
        As `TOLERANCE`.
    requests, rows
        How many were compared.
    differing
        Feature to how it differs; empty where nothing does.
    only_one, only_other
        Features that just one side has.
    """

    tolerance: float = TOLERANCE
    requests: int = 0
    rows: int = 0
    differing: dict[str, Differing] = field(default_factory=dict)
    only_one: set[str] = field(default_factory=set)
    only_other: set[str] = field(default_factory=set)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing or self.only_one or self.only_other)

    def add(
        self,
        request: str,
        items: Sequence[str],
        one: FeatureTable,
        other: FeatureTable,
        ignored: Collection[str] = (),
    ) -> None:
        """Compare the rows of one request.

        Parameters
        ----------
        request
            Its id, for examples.
        items
            Item ids of the rows, which both tables have in this order.
        ignored
            Columns that say nothing, such as those of a scorer that had failed.
        """
        self.requests += 1
        self.rows += len(items)
        self.only_one |= set(one.names) - set(other.names) - set(ignored)
        self.only_other |= set(other.names) - set(one.names) - set(ignored)
        names = [name for name in one.names if name in other.names and name not in ignored]
        left = one.X[:, [one.names.index(name) for name in names]]
        right = other.X[:, [other.names.index(name) for name in names]]
        wrong = differ(left, right, self.tolerance)
        for column in np.flatnonzero(wrong.any(axis=0)).tolist():
            rows = np.flatnonzero(wrong[:, column])
            ours, theirs = left[rows, column], right[rows, column]
            found = self.differing.setdefault(names[column], Differing())
            found.rows += len(rows)
            found.requests += 1
            apart = np.abs(ours.astype(np.float64) - theirs)
            found.largest = float(np.fmax.reduce([found.largest, *apart.tolist()]))
            for row, a, b in zip(rows.tolist(), ours.tolist(), theirs.tolist(), strict=True):
                if len(found.examples) == EXAMPLES:
                    break
                found.examples.append(Example(request, items[row], a, b))

    def table(self, one: str, other: str) -> list[Mapping[str, object]]:
        """Return a row a feature that differs, the one that differs most often first.

        Parameters
        ----------
        one, other
            What the sides are called.
        """
        ordered = sorted(self.differing.items(), key=lambda pair: (-pair[1].rows, pair[0]))
        found: list[Mapping[str, object]] = []
        for name, what in ordered:
            for n, example in enumerate(what.examples):
                first = {
                    "rows": f"{what.rows:,} of {self.rows:,}",
                    "requests": f"{what.requests:,}",
                    "largest": f"{what.largest:.6g}",
                }
                found.append(
                    {
                        "feature": "" if n else name,
                        **(dict.fromkeys(first, "") if n else first),
                        "request": example.request,
                        "item": example.item,
                        one: f"{example.one:.7g}",
                        other: f"{example.other:.7g}",
                    }
                )
        return found


def differ(
    one: NDArray[np.float32], other: NDArray[np.float32], tolerance: float
) -> NDArray[np.bool_]:
    """Return where two arrays (n, d) differ; NaN equals NaN, and nothing else.

    What is within the rounding of its column's largest value is no difference either: a sum whose
    terms cancel out may have another last bit.
    """
    a, b = one.astype(np.float64), other.astype(np.float64)
    size = np.fmax(np.abs(a), np.abs(b))
    rounding = _ROUNDING * np.max(size, axis=0, initial=0.0, where=np.isfinite(size))
    with np.errstate(invalid="ignore"):  # infinities of one sign are equal
        near = np.isfinite(size) & (np.abs(a - b) <= np.fmax(tolerance * size, rounding))
        different: NDArray[np.bool_] = ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))
    return different
