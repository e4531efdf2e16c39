"""For which requests a rule holds: what was typed, where, by whom and when."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from search_rerank.answer import Basis
from search_rerank.config.section import Section
from search_rerank.query import MAX_QUERY_CHARACTERS, Filters
from search_rerank.rules.window import Window

On = Literal["search", "recommend", "rerank"]
Segment = Literal["new_visitor", "known"]
Text = Annotated[str, Field(max_length=MAX_QUERY_CHARACTERS)]
Some = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
Texts = Annotated[tuple[Text, ...], Field(max_length=100)]
Somes = Annotated[tuple[Some, ...], Field(max_length=100)]
_LEVEL = " > "


@dataclass(frozen=True)
class Asked:
    """What of a request the conditions of rules look at, but for who asks.

    Parameters
    ----------
    on
        Which endpoint.
    texts
        The words typed, and those searched instead if others were; as `normal` gives them.
    categories
        The categories that the request is filtered by.
    now_ms
        The moment, unix milliseconds.
    """

    on: On
    texts: tuple[str, ...]
    categories: tuple[str, ...]
    now_ms: int


def normal(text: str) -> str:
    """Return a text in lower case and one form of each character, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def categories_of(filters: Filters) -> tuple[str, ...]:
    """Return the categories of which every item that meets the filters must have one."""
    own = filters.terms.get("category", ())
    return (*own, *(name for part in filters.all_of for name in categories_of(part)))


class QueryMatch(Section):
    """What must have been typed: one of all the texts given here must fit.

    Capitals and spaces do not count. `exact` is the whole text (an empty one is browsing),
    `contains` stands anywhere in it, also within a word, of `all_words` each word is one of it in
    whatever order, and in a `pattern` of the whole text each ``*`` stands for any text or none.
    """

    exact: Texts = ()
    contains: Somes = ()
    all_words: Somes = ()
    pattern: Somes = ()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.exact or self.contains or self.all_words or self.pattern):
            raise ValueError("expected a text under exact, contains, all_words or pattern")
        return self

    @property
    def open(self) -> bool:
        """Whether it holds for more texts than those it names."""
        return bool(self.contains or self.all_words or self.pattern)

    def holds(self, text: str) -> bool:
        """Return whether a text, as `normal` gives it, fits."""
        exact, contains, all_words, patterns = self._normal
        return (
            text in exact
            or any(one in text for one in contains)
            or (bool(all_words) and _has_words(text, all_words))
            or any(_fits(text, one) for one in patterns)
        )

    @cached_property
    def _normal(
        self,
    ) -> tuple[frozenset[str], list[str], list[frozenset[str]], list[list[str]]]:
        return (
            frozenset(map(normal, self.exact)),
            [normal(one) for one in self.contains],
            [frozenset(normal(one).split()) for one in self.all_words],
            [[normal(part) for part in one.split("*")] for one in self.pattern],
        )


class When(Section):
    """For which requests a rule holds; what is left out is no condition, all others must hold.

    Parameters
    ----------
    query
        What must have been typed.
    category
        The request is filtered by one of these, or by one below it.
    segments
        `new_visitor`, of whom no interaction is known, or `known`. Without personalisation and
        where nothing is ranked, everyone is a new visitor.
    basis
        What the ranking knew its shopper from, see `Answer.basis`.
    on
        Which endpoints.
    time
        When.
    """

    query: QueryMatch | None = None
    category: Annotated[tuple[Some, ...], Field(max_length=100)] = ()
    segments: tuple[Segment, ...] = ()
    basis: tuple[Basis, ...] = ()
    on: Annotated[tuple[On, ...], Field(min_length=1)] = ("search", "recommend", "rerank")
    time: Window | None = None

    @property
    def of_shopper(self) -> bool:
        """Whether it asks who the shopper is, which is known only when the ranking is done."""
        return bool(self.segments or self.basis)

    def holds(self, asked: Asked) -> bool:
        """Return whether a request meets the conditions, whoever asks."""
        return self._always or (
            asked.on in self.on
            and (self.query is None or any(map(self.query.holds, asked.texts)))
            and (not self.category or _within(asked.categories, self.category))
            and (self.time is None or self.time.holds(asked.now_ms))
        )

    @cached_property
    def _always(self) -> bool:
        """Whether it has no condition on a request; of a shop's rules most have none."""
        plain = self.query is None and not self.category and self.time is None
        return plain and set(self.on) == set(get_args(On))

    def holds_for(self, history: int, basis: Basis | None) -> bool:
        """Return whether a shopper of so many known interactions meets the conditions."""
        segment: Segment = "known" if history else "new_visitor"
        return (not self.segments or segment in self.segments) and (
            not self.basis or basis in self.basis
        )


def _has_words(text: str, some: Sequence[frozenset[str]]) -> bool:
    words = frozenset(text.split())
    return any(one <= words for one in some)


def _fits(text: str, parts: Sequence[str]) -> bool:
    """Return whether a text is these parts with anything in between, in time linear in it."""
    first, *middle = parts
    if not middle:
        return text == first
    last = middle.pop()
    if not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return place <= end


def _within(categories: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(
        one == other or one.startswith(other + _LEVEL) for one in categories for other in wanted
    )
