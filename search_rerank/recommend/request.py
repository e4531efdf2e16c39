"""One request for recommendations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from search_rerank.errors import DataError
from search_rerank.query import Filters, Query

Scope = Literal["personal", "trending", "similar", "cross_category", "recently_viewed"]
Exclude = Literal["bought", "seen", "nothing"]
_BOUGHT_OUT = ("personal", "cross_category")


@dataclass(frozen=True)
class Recommend:
    """What is to be recommended, to whom, when.

    Parameters
    ----------
    scope
        Where candidates come from: `personal` (what fits the history), `trending` (what is asked
        for more of late), `similar` (to `item`), `cross_category` (goes with the history, or with
        `item`, from other departments), `recently_viewed` (the history itself, newest first).
    user, session
        Who asks; both may be None.
    item
        Id of the item that `similar` needs and `cross_category` may have.
    filters
        Conditions every item must meet.
    exclude
        What the shopper `bought`, or what they did anything with (`seen`), is left out; None leaves
        out what was bought where the scope is `personal` or `cross_category`.
    collapse
        Whether of the variants of one product (`group_id`) only one is wanted.
    k
        How many candidates to collect and rerank at most.
    now_ms
        The moment of the request, unix milliseconds.

    Raises
    ------
    DataError
        Where `similar` has no item, or another scope has one that it cannot use.
    """

    scope: Scope = "personal"
    user: str | None = None
    session: str | None = None
    item: str | None = None
    filters: Filters = field(default_factory=Filters)
    exclude: Exclude | None = None
    collapse: bool = False
    k: int = 200
    now_ms: int = 0

    def __post_init__(self) -> None:
        if self.scope == "similar" and self.item is None:
            raise DataError("scope similar: expected an item to be similar to, found none")
        if self.item is not None and self.scope not in ("similar", "cross_category"):
            raise DataError(
                f"item: expected one with scope similar or cross_category only, found "
                f"{self.item!r:.60} with {self.scope}"
            )

    @property
    def left_out(self) -> Exclude:
        """What is left out, the scope's own way where nothing is said."""
        return self.exclude or ("bought" if self.scope in _BOUGHT_OUT else "nothing")

    def query(self) -> Query:
        """Return the request as a query without words."""
        return Query(
            user=self.user,
            session=self.session,
            filters=self.filters,
            k=self.k,
            now_ms=self.now_ms,
            collapse=self.collapse,
        )
