"""What people thought of the items that a query finds, and how such files are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_rerank.data.item import Item, parse_item
from search_rerank.data.refused import Refused
from search_rerank.data.tables import table
from search_rerank.errors import DataError

Row = dict[str, Any]


@dataclass(frozen=True)
class Judgements:
    """A catalogue and the worth of its items for some queries.

    Parameters
    ----------
    name
        What tables call the set.
    items
        The catalogue, each id once.
    gains
        Query text to item id to gain, 0 for what was judged worthless; an item that is not there
        was not judged. All ids are the catalogue's.
    """

    name: str
    items: Sequence[Item]
    gains: Mapping[str, Mapping[str, float]]

    def with_positive(self) -> list[str]:
        """Return the queries that have an item with a gain above 0, in order."""
        return [query for query, gains in self.gains.items() if max(gains.values()) > 0]


def read_products(
    path: Path, needed: tuple[str, ...], to_item: Callable[[Row], Row], refused: Refused
) -> Iterator[Item]:
    """Return the items of a catalogue in a layout of its own.

    Parameters
    ----------
    path
        See `search_rerank.data.rows.rows`.
    needed
        Names of the cells that a row must have.
    to_item
        A row to the fields of `Item`; may raise `DataError`.
    refused
        Gets each row that is no item, and each whose id an earlier one had.

    Raises
    ------
    DataError
        Where the file as a whole cannot be read.
    """
    seen: set[str] = set()
    for line, row in table(path, needed, refused):
        try:
            item = parse_item(to_item(row))
            if item.id in seen:
                raise DataError(f"id: expected each once, the first is kept, found {item.id!r}")
        except DataError as error:
            refused.add(path.name, line, str(error), row)
            continue
        seen.add(item.id)
        yield item


def read_gains(
    path: Path,
    id_column: str,
    gain_column: str,
    to_gain: Callable[[str], float],
    known: Collection[str],
    refused: Refused,
) -> dict[str, dict[str, float]]:
    """Return query to item id to gain, both in the order of the file.

    Parameters
    ----------
    path
        A table with the columns `query`, `id_column` and `gain_column`.
    to_gain
        A cell to a gain of at least 0; raises `DataError` where it is none.
    known
        The ids of the catalogue; judgements of others are left out and noted.
    refused
        Gets the rows without a gain, and each pair of query and item after its first.

    Raises
    ------
    DataError
        Where the file cannot be read or holds no judgement of a known item.
    """
    gains: dict[str, dict[str, float]] = {}
    for line, row in table(path, ("query", id_column, gain_column), refused):
        query, id_ = row["query"], row[id_column]
        try:
            gain = to_gain(row[gain_column])
            if id_ in gains.get(query, {}):
                pair = f"{query!r}, {id_!r}"
                raise DataError(
                    f"expected each query and item once, the first is kept, found {pair}"
                )
        except DataError as error:
            refused.add(path.name, line, str(error), row)
            continue
        if id_ in known:
            gains.setdefault(query, {})[id_] = gain
        else:
            refused.note("judged items that the catalogue does not hold left out")
    if not gains:
        raise DataError(f"{path}: expected judgements of the catalogue's items, found none")
    return gains
