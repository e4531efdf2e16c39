"""What every rule is: an id, conditions, a priority, and one verb that reorders a ranking."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from search_rerank.config.section import Section
from search_rerank.engines.fields import ATTRIBUTE
from search_rerank.filters import is_field
from search_rerank.rules.when import When
from search_rerank.rules.where import Where

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Stage = Literal["remove", "move", "pin"]
Measured = Mapping[str, tuple[float, float]]
_NOTHING: Measured = {}
STAGES: tuple[Stage, ...] = ("remove", "move", "pin")
"""What is removed stays so; pins come last, so that nothing moves them away."""
First = Annotated[int, Field(ge=1, le=1_000)]


class Known(Protocol):
    """Tells rules of the items of a ranking, by row; see `Facts`."""

    def meets(self, where: Where) -> NDArray[np.bool_]:
        """Return which items meet filters, bool (n,)."""

    def groups(self, name: str) -> NDArray[np.int32]:
        """Return a number for each item's value of a field, int32 (n,), -1 where it has none."""

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a field, float64 (n,), NaN where there is none."""


class View(NamedTuple):
    """A ranking as a rule sees it.

    Parameters
    ----------
    ids
        Of all rows.
    order
        (m,), the rows that are ranked, best first. The others are there for pins.
    facts
        What is known of the rows' items.
    """

    ids: Sequence[str]
    order: NDArray[np.intp]
    facts: Known


class Applied(NamedTuple):
    """What a rule made of a ranking.

    Parameters
    ----------
    order
        A permutation or a subset of the rows; a pin may add some.
    rows
        Those that it meant, not those that had to make room for them.
    measured
        What it measured: name to value before and after.
    """

    order: NDArray[np.intp]
    rows: Sequence[int] = ()
    measured: Measured = _NOTHING


class Rule(Section):
    """One rule of the shop.

    Parameters
    ----------
    id
        What it is called.
    when
        For which requests it holds; for all without conditions.
    priority
        Rules are applied from the lowest to the highest, then by id: the last one has the last
        word. Of pins that want one place the highest has it.
    enabled
        Whether it holds at all.
    note
        Why there is such a rule.
    """

    stage: ClassVar[Stage] = "move"

    id: Id
    kind: str
    when: When = When()
    priority: int = Field(0, ge=-1_000, le=1_000)
    enabled: bool = True
    note: Annotated[str, Field(max_length=500)] = ""

    @abstractmethod
    def apply(self, view: View) -> Applied:
        """Return what becomes of a ranking."""

    @property
    def wheres(self) -> Sequence[Where]:
        """Filters that it asks items about."""
        return ()

    @property
    def groups(self) -> Sequence[str]:
        """Fields whose values it compares."""
        return ()

    @property
    def numbers(self) -> Sequence[str]:
        """Fields whose numbers it reads."""
        return ()


def with_head(order: NDArray[np.intp], head: Sequence[int]) -> NDArray[np.intp]:
    """Return an order whose first places are taken by those of some, each of them once."""
    done = order.copy()
    done[: len(head)] = order[np.array(head, dtype=np.intp)]
    return done


def checked_field(name: str, fields: tuple[str, ...]) -> str:
    """Return the name of one of the fields, or of an attribute, or raise `ValueError`."""
    if not is_field(name, fields):
        raise ValueError(f"expected one of {', '.join(fields)}, {ATTRIBUTE}NAME")
    return name
