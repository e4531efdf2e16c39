"""One request to the search box, and the candidates an engine returned for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

MAX_QUERY_CHARACTERS = 512
"""A longer query text is cut here: nobody types more, and an engine's clause limit is near."""


@dataclass(frozen=True)
class Range:
    """A closed interval; None is no bound."""

    gte: float | None = None
    lte: float | None = None


@dataclass(frozen=True)
class Filters:
    """Conditions that every answer must meet.

    Parameters
    ----------
    terms
        Field to accepted values: one of them must match. Fields: `id`, `brand`, `category` (any
        level of the path, written `Beauty` or `Beauty > Makeup`), `group_id`, `currency`,
        `in_stock` (`true` or `false`), `attributes.NAME`.
    ranges
        Field to interval, for `price`, `rating`, `rating_count`, `attributes.NAME` if a number.
    """

    terms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    ranges: Mapping[str, Range] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return bool(self.terms or self.ranges)


@dataclass(frozen=True)
class Query:
    """One request: what is looked for, by whom, when.

    Parameters
    ----------
    text
        The words typed; empty means browsing.
    user, session
        Who asks; a visitor without an account has a session only, both may be None.
    filters
        Conditions every answer must meet.
    facets
        Fields to count values of.
    k
        How many candidates to retrieve and rerank.
    now_ms
        The moment of the request, unix milliseconds.
    """

    text: str = ""
    user: str | None = None
    session: str | None = None
    filters: Filters = field(default_factory=Filters)
    facets: tuple[str, ...] = ()
    k: int = 200
    now_ms: int = 0


@dataclass(frozen=True)
class Candidates:
    """The items an engine returned for one query, in the engine's order, its scores kept apart.

    Parameters
    ----------
    ids
        Item ids, best first.
    lexical
        float32 (n,), the word score (BM25 over the weighted fields), 0 where no word matches.
    vector
        float32 (n,), cosine of query and item vector, NaN where the query or the item has none.
    score
        float32 (n,), the engine's own fused score, descending.
    total
        How many items match the words and the filters (the filters alone for an empty text).
    facets
        Field to value counts over those items, most frequent first, ties by value.
    degraded
        Parts of the retrieval that failed, as (part, reason).
    """

    ids: Sequence[str]
    lexical: NDArray[np.float32]
    vector: NDArray[np.float32]
    score: NDArray[np.float32]
    total: int = 0
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    degraded: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Candidates:
        """Return the candidates at these rows, in this order; total and facets stay."""
        ids = np.asarray(self.ids, dtype=object)[rows].tolist()
        return Candidates(
            ids,
            self.lexical[rows],
            self.vector[rows],
            self.score[rows],
            self.total,
            self.facets,
            self.degraded,
        )
