"""What rules must know of items: whether each meets their conditions, its groups, its numbers.

Stock and prices change, so the live index is asked. What was found out of an item is kept under
its content hash: asking an engine for hashes is quicker than for items, and the same hash is the
same item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.engines.base import Engine
from search_rerank.engines.fields import as_text
from search_rerank.rules.where import Where, meets, number_of, values_of

_FIRST = 256
_NOT_YET = -1
_MOST = 50_000
"""Item states that are kept; then all are asked for anew."""


@dataclass(frozen=True)
class Questions:
    """What a set of rules asks of an item; each of these once.

    Parameters
    ----------
    wheres
        By their keys.
    groups, numbers
        Names of fields.
    """

    wheres: Mapping[str, Where]
    groups: Sequence[str] = ()
    numbers: Sequence[str] = ()

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {key: column for column, key in enumerate(self.wheres)}

    def column(self, where: Where) -> int:
        """Return the place of filters among the answers."""
        return self._columns[where.key]


@dataclass(frozen=True)
class Answers:
    """The answers of some items to questions, in the questions' order.

    Parameters
    ----------
    met
        bool (w, n), which filters each meets.
    group
        int32 (g, n), number of its value of each field, -1 for none.
    number
        float64 (m, n), NaN for none.
    """

    met: NDArray[np.bool_]
    group: NDArray[np.int32]
    number: NDArray[np.float64]


class FactTable:
    """The answers of item states to some questions, in columns that grow.

    Parameters
    ----------
    questions
        What is asked of each item.
    most
        How many states are kept.
    """

    def __init__(self, questions: Questions, most: int = _MOST) -> None:
        self.questions = questions
        self._most = most
        self._lock = Lock()
        self._clear()

    def answers(self, engine: Engine, ids: Sequence[str]) -> Answers:
        """Return the answers of the present states of items; an item not in the index has none.

        Raises
        ------
        EngineError
            When the engine cannot tell.
        """
        hashes = engine.hashes(ids)
        read: dict[str, Item] = {}
        while True:
            with self._lock:
                for hash_, item in read.items():
                    if hash_ not in self._row:
                        self._add(hash_, item)
                rows = self._rows(hashes)
                if _NOT_YET not in rows:
                    return self._at(rows)
                if len(self._row) + rows.count(_NOT_YET) > self._most:
                    self._clear()
                    rows = self._rows(hashes)
            # What others clear meanwhile is not asked for twice: it has been read.
            lacking = [id_ for id_, row in zip(ids, rows, strict=True) if row == _NOT_YET]
            lacking = list(dict.fromkeys(lacking))
            now = dict(zip(lacking, engine.lookup(lacking), strict=True))
            read |= {one.content_hash: one.item for one in now.values() if one is not None}
            news = {id_: None if one is None else one.content_hash for id_, one in now.items()}
            hashes = [news.get(id_, old) for id_, old in zip(ids, hashes, strict=True)]

    def _rows(self, hashes: Sequence[str | None]) -> list[int]:
        row = self._row
        return [row.get(hash_, _NOT_YET) for hash_ in hashes]

    def of_items(self, items: Iterable[Item]) -> Answers:
        """Return the answers of given items."""
        with self._lock:
            return self._at([self._add(one.content_hash(), one) for one in items])

    def _at(self, rows: Sequence[int]) -> Answers:
        at = np.array(rows, dtype=np.intp)
        return Answers(self._met[at].T.copy(), self._group[at].T.copy(), self._number[at].T.copy())

    def _add(self, hash_: str, item: Item) -> int:
        row = len(self._row)
        if row >= len(self._met):
            self._grow(2 * len(self._met))
        asked = self.questions
        self._met[row] = [meets(item, where.filters) for where in asked.wheres.values()]
        for n, name in enumerate(asked.groups):
            values = values_of(item, name)
            known, narrowest = self._values[n], -1 if name == "category" else 0
            if values:
                self._group[row, n] = known.setdefault(values[narrowest], len(known))
        for n, name in enumerate(asked.numbers):
            self._number[row, n] = _number(item, name)
        self._row[hash_] = row
        return row

    def _clear(self) -> None:
        asked, size = self.questions, _FIRST
        self._row: dict[str | None, int] = {None: 0}
        self._values: list[dict[str, int]] = [{} for _ in asked.groups]
        self._met: NDArray[np.bool_] = np.zeros((size, len(asked.wheres)), dtype=bool)
        self._group: NDArray[np.int32] = np.full((size, len(asked.groups)), -1, dtype=np.int32)
        self._number: NDArray[np.float64] = np.full((size, len(asked.numbers)), np.nan)

    def _grow(self, size: int) -> None:
        more = size - len(self._met)
        self._met = np.pad(self._met, ((0, more), (0, 0)))
        self._group = np.pad(self._group, ((0, more), (0, 0)), constant_values=-1)
        self._number = np.pad(self._number, ((0, more), (0, 0)), constant_values=np.nan)


class Facts:
    """What is known of the items of one ranking, asked for when a rule first needs it.

    Parameters
    ----------
    questions
        What the rules ask.
    ids
        The items, by row of the ranking.
    ask
        Gets the answers; what it raises is raised to every rule that needs one.
    """

    def __init__(
        self, questions: Questions, ids: Sequence[str], ask: Callable[[], Answers]
    ) -> None:
        self._questions = questions
        self._ids = ids
        self._ask = ask
        self._error: Exception | None = None

    def meets(self, where: Where) -> NDArray[np.bool_]:
        """Return which items meet filters, bool (n,)."""
        if where.ids is not None:
            named = np.zeros(len(self._ids), dtype=bool)
            named[[self._row_of[id_] for id_ in where.ids if id_ in self._row_of]] = True
            return named
        met: NDArray[np.bool_] = self._answers.met[self._questions.column(where)]
        return met

    def groups(self, name: str) -> NDArray[np.int32]:
        """Return a number for each item's value of a field, int32 (n,), -1 where it has none.

        The narrowest category counts, and the first of several values of an attribute.
        """
        group: NDArray[np.int32] = self._answers.group[self._questions.groups.index(name)]
        return group

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a field, float64 (n,), NaN where there is none; true is 1."""
        number: NDArray[np.float64] = self._answers.number[self._questions.numbers.index(name)]
        return number

    @cached_property
    def _row_of(self) -> Mapping[str, int]:
        return {id_: row for row, id_ in enumerate(self._ids)}

    @cached_property
    def _answers(self) -> Answers:
        if self._error is not None:
            raise self._error
        try:
            return self._ask()
        except Exception as error:
            self._error = error
            raise


def _number(item: Item, name: str) -> float:
    number = number_of(item, name)
    if number is None:
        truth = {as_text(True): 1.0, as_text(False): 0.0}
        values = values_of(item, name)
        return truth.get(values[0], np.nan) if values else np.nan
    return number
