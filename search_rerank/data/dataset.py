"""A shop's data as one thing: catalogue, log and, for some public sets, what a query asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_rerank.data.event import Event
from search_rerank.data.item import Item


@dataclass(frozen=True)
class Dataset:
    """Everything that a training or an evaluation reads.

    Parameters
    ----------
    name
        What tables call it.
    items
        The catalogue.
    events
        The log, in any order.
    query_items
        Query text to the ids of the items it asks for, where a public protocol defines them; an
        interaction without a query then counts for each query that holds its item.
    """

    name: str
    items: Sequence[Item]
    events: Sequence[Event]
    query_items: Mapping[str, Sequence[str]] | None = None
