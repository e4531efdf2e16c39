"""Hide and filter: items that are never shown, or the only ones that are."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from search_rerank.data.item import Item
from search_rerank.query import Filters
from search_rerank.rules.base import Applied, Rule, Stage, View
from search_rerank.rules.where import Where, meets


class Removal(Rule):
    """Leaves items out: where it can be, the engine is not even asked for them."""

    stage: ClassVar[Stage] = "remove"
    where: Where

    @abstractmethod
    def narrowed(self, filters: Filters) -> Filters:
        """Return filters of a request that this rule's hold beside."""

    @property
    @abstractmethod
    def keeps(self) -> bool:
        """Whether it is those that meet the condition that stay."""

    def admits(self, item: Item) -> bool:
        """Return whether an item stays."""
        return meets(item, self.where.filters) == self.keeps

    @property
    def wheres(self) -> list[Where]:
        """The condition, asked about where the engine cannot see to it."""
        return [self.where]

    def apply(self, view: View) -> Applied:
        """Leave the items out."""
        stays = view.facts.meets(self.where)[view.order] == self.keeps
        return Applied(view.order[stays], view.order[~stays].tolist())


class Hide(Removal):
    """Never shows items that meet a condition.

    Parameters
    ----------
    where
        Which items.
    """

    kind: Literal["hide"] = "hide"

    def narrowed(self, filters: Filters) -> Filters:
        """Return the filters and none of these."""
        own = (*filters.none_of, self.where.filters)
        return Filters(filters.terms, filters.ranges, filters.all_of, filters.any_of, own)

    @property
    def keeps(self) -> bool:
        """Not those that meet it."""
        return False


class Filter(Removal):
    """Shows nothing but items that meet a condition.

    Parameters
    ----------
    where
        Which items.
    """

    kind: Literal["filter"] = "filter"

    def narrowed(self, filters: Filters) -> Filters:
        """Return the filters and these."""
        own = (*filters.all_of, self.where.filters)
        return Filters(filters.terms, filters.ranges, own, filters.any_of, filters.none_of)

    @property
    def keeps(self) -> bool:
        """Those that meet it."""
        return True
