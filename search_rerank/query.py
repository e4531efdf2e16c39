"""One request to the search box, and the candidates an engine returned for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

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
    """Conditions that every answer must meet; all parts given must hold.

    Parameters
    ----------
    terms
        Field to accepted values: one of them must match. Fields: `id`, `brand`, `category` (any
        level of the path, written `Beauty` or `Beauty > Makeup`), `group_id`, `currency`,
        `in_stock` (`true` or `false`), `attributes.NAME`.
    ranges
        Field to interval, for `price`, `rating`, `rating_count`, `updated_at` (unix milliseconds),
        `attributes.NAME` if a number. Without bounds: the field has a number.
    all_of, any_of, none_of
        Conditions of which each, at least one (where there are any), or none must hold.
    """

    terms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    ranges: Mapping[str, Range] = field(default_factory=lambda: MappingProxyType({}))
    all_of: tuple[Filters, ...] = ()
    any_of: tuple[Filters, ...] = ()
    none_of: tuple[Filters, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.ranges or self.all_of or self.any_of or self.none_of)

    def without(self, name: str) -> Filters:
        """Return the same conditions but the outermost ones on one field."""
        terms = {field: values for field, values in self.terms.items() if field != name}
        ranges = {field: bounds for field, bounds in self.ranges.items() if field != name}
        return replace(self, terms=terms, ranges=ranges)


@dataclass(frozen=True)
class Facet:
    """A field to count over all items that match.

    Parameters
    ----------
    field
        For values: `brand`, `category`, `in_stock`, `currency`, `attributes.NAME`. For ranges and
        statistics: what a filter by range may name.
    kind
        `values` counts each value, `ranges` the items in each interval, `statistics` gives least,
        greatest, mean and number.
    ranges
        The intervals to count, lower bound included, upper bound not, so that they can adjoin.
    size
        Values counted at most, the most frequent.
    own_filter
        Whether the outermost filter on this very field counts too. Without it (the default) a
        shopper who chose one brand still sees how many items the others have.
    """

    field: str
    kind: Literal["values", "ranges", "statistics"] = "values"
    ranges: tuple[Range, ...] = ()
    size: int = 50
    own_filter: bool = False


def value_facets(*fields: str) -> tuple[Facet, ...]:
    """Return the plain facets of fields."""
    return tuple(Facet(field) for field in fields)


@dataclass(frozen=True)
class Statistics:
    """Of the numbers of a field: how many there are, the least, the greatest, the mean."""

    count: int
    least: float
    greatest: float
    mean: float


@dataclass(frozen=True)
class Sort:
    """Order by a field instead of by relevance; items without a value last, ties by id.

    `field` is what a filter by range may name.
    """

    field: str
    descending: bool = False


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
        What to count.
    sort
        Fields to order by instead of ranking; empty ranks.
    collapse
        Whether of the variants of one product (`group_id`) only the best is wanted.
    as_typed
        Whether the words are searched as they are, although some are unknown.
    k
        How many candidates to retrieve and rerank.
    now_ms
        The moment of the request, unix milliseconds.
    """

    text: str = ""
    user: str | None = None
    session: str | None = None
    filters: Filters = field(default_factory=Filters)
    facets: tuple[Facet, ...] = ()
    k: int = 200
    now_ms: int = 0
    sort: tuple[Sort, ...] = ()
    collapse: bool = False
    as_typed: bool = False


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
        float32 (n,), the engine's own fused score, descending; of a sorted answer the place
        counted from the end.
    total
        How many items match the words and the filters (the filters alone for an empty text), up
        to `retrieval.total_up_to`; variants count each.
    total_exact
        False where there are more than `total`.
    facets
        Field to counts over those items: of values, most frequent first, ties by value; of
        ranges, in the order asked, written `10..20`, `..10`, `20..`.
    statistics
        Field to what is known of its numbers; a field without any is left out.
    did_you_mean
        The text with each word that no item has replaced by the nearest that some have; None
        where every word is known or nothing is near.
    searched
        The text that was searched instead of the one typed; None where it was that one.
    relaxed
        How far the request had to be loosened for an answer: `words` (not all of them match),
        `meaning` (none does; these are the nearest by vector).
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
    total_exact: bool = True
    statistics: Mapping[str, Statistics] = field(default_factory=lambda: MappingProxyType({}))
    did_you_mean: str | None = None
    searched: str | None = None
    relaxed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Candidates:
        """Return the candidates at these rows, in this order; all else stays."""
        return replace(
            self,
            ids=np.asarray(self.ids, dtype=object)[rows].tolist(),
            lexical=self.lexical[rows],
            vector=self.vector[rows],
            score=self.score[rows],
        )
