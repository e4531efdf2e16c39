"""Measures of ranked lists as values that print as they are typed: `nDCG@10`, `MRR`, `HR@10`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError, nearest
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.listwise import KINDS

_TYPED = re.compile(r"([A-Za-z_]+)(?:\(([a-z]+)=([0-9]*\.?[0-9]+)\))?(?:@([1-9][0-9]{0,8}))?")


@dataclass(frozen=True)
class Measure:
    """One formula with its cutoff; `str` gives the name as typed.

    Parameters
    ----------
    name
        One of `search_rerank.evaluation.listwise.KINDS`.
    k
        Only the first k places count; None for all.
    parameter
        Of `ERR` the largest gain there may be (`max`, 4), of `RBP` the persistence (`p`, 0.8);
        None for that default.

    Raises
    ------
    ConfigError
        Where there is no such measure.
    """

    name: str
    k: int | None = None
    parameter: float | None = None

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise ConfigError(f"unknown measure {self.name!r}{nearest(self.name, KINDS)}")
        kind = KINDS[self.name]
        if self.k is None and kind.needs_k:
            raise ConfigError(f"measure {self.name!r}: expected a cutoff, such as {self.name}@10")
        if self.k is not None and self.k < 1:
            raise ConfigError(f"measure {self.name!r}: expected a cutoff above 0, found {self.k}")
        if self.parameter is None:
            return
        if kind.parameter is None:
            raise ConfigError(
                f"measure {self.name!r}: expected no parameter, found {self.parameter:g}"
            )
        low, high = kind.limits
        if not low < self.parameter < high:
            raise ConfigError(
                f"measure {self.name!r}: expected {kind.parameter} between {low:g} and {high:g}, "
                f"found {self.parameter:g}"
            )

    def __str__(self) -> str:
        given = ""
        if self.parameter is not None:
            given = f"({KINDS[self.name].parameter}={self.parameter:g})"
        return self.name + given + ("" if self.k is None else f"@{self.k}")

    def values(self, grouped: Grouped) -> NDArray[np.float64]:
        """Return one value a group, float64 (g,), 0 to 1.

        A group without rows, and one without anything relevant, has 0: every judged query counts.

        Raises
        ------
        ConfigError
            Where a gain is larger than the formula can take: `ERR` above its `max`.
        """
        kind = KINDS[self.name]
        parameter = kind.default if self.parameter is None else self.parameter
        return kind.formula(grouped, np.inf if self.k is None else self.k, parameter)


def parse_measure(text: str) -> Measure:
    """Return the measure typed as `nDCG@10`, `MRR` or `ERR(max=3)@10`.

    Raises
    ------
    ConfigError
        On another name, naming the nearest, a cutoff that is not a whole number above 0, none
        where the measure needs one, or a parameter that it does not have.
    """
    typed = _TYPED.fullmatch(text)
    if typed is None:
        raise ConfigError(
            f"measure {text!r}: expected a name and a cutoff above 0, such as nDCG@10"
        )
    name, parameter, value, k = typed.groups()
    measure = Measure(name, None if k is None else int(k), None if value is None else float(value))
    if parameter != KINDS[name].parameter and parameter is not None:
        raise ConfigError(
            f"measure {text!r}: expected the parameter {KINDS[name].parameter!r}, "
            f"found {parameter!r}"
        )
    return measure
