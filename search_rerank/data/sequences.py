"""Public logs that are ids in order and nothing else, as events and a catalogue without text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events, Rankings
from search_rerank.data.ids import IdMap
from search_rerank.data.item import Item
from search_rerank.data.lines import Problem, lines, open_bytes
from search_rerank.errors import DataError

STEP_MS = 1_000
"""Time between two interactions of a shopper, made up: only their order is known."""


def read_lists(path: Path) -> dict[str, list[str]]:
    """Return user to items of lines `user item item …`, in the order of the file.

    Raises
    ------
    DataError
        For a line that is damaged or repeats a user.
    """
    found: dict[str, list[str]] = {}
    for number, words in _words(path):
        if words[0] in found:
            raise DataError(f"{path}:{number}: expected each user once, found {words[0]!r} again")
        found[words[0]] = words[1:]
    return found


def read_pairs(path: Path) -> dict[str, list[str]]:
    """Return user to items of lines `user item`, each user's in the order of the file."""
    found: dict[str, list[str]] = {}
    for number, words in _words(path):
        if len(words) != 2:
            raise DataError(f"{path}:{number}: expected `user item`, found {' '.join(words)!r:.60}")
        found.setdefault(words[0], []).append(words[1])
    return found


def catalogue_of(items: Sequence[str]) -> Catalogue:
    """Return a catalogue of which only the ids are known."""
    return Catalogue.from_items(Item.model_construct(id=id_, title=id_) for id_ in items)


def events_of(histories: dict[str, list[str]], items: IdMap) -> Events:
    """Return histories as clicks; the last of each shopper is at the same time.

    Interactions of different shoppers are mixed in time as if all had ended together.
    """
    users = IdMap(histories)
    length = np.array([len(history) for history in histories.values()], dtype=np.int64)
    user = np.repeat(np.arange(len(users), dtype=np.int32), length)
    longest = int(length.max(initial=0))
    ends = np.cumsum(length)
    place = np.arange(len(user)) - np.repeat(ends - length, length)
    time = (longest - np.repeat(length, length) + place) * STEP_MS
    item = items.numbers(id_ for history in histories.values() for id_ in history)
    order = np.argsort(time, kind="stable")
    none = np.full(len(user), -1, dtype=np.int32)
    nobody = np.zeros(0, dtype=np.int32)
    return Events(
        items=items,
        users=users,
        sessions=IdMap(),
        queries=IdMap(),
        kinds=["click"],
        event_ids=np.array([str(n) for n in order.tolist()], dtype=np.object_),
        time_ms=time[order],
        user=user[order],
        session=none,
        query=none,
        item=item[order],
        kind=np.zeros(len(user), dtype=np.int8),
        ranking=none,
        rankings=Rankings(
            np.zeros(0, np.object_),
            np.zeros(0, np.int64),
            nobody,
            nobody,
            nobody,
            np.zeros(1, np.int64),
            nobody,
        ),
    )


def _words(path: Path) -> Iterator[tuple[int, list[str]]]:
    stream = open_bytes(path)
    try:
        for number, line in lines(stream):
            if isinstance(line, Problem):
                raise DataError(f"{path}:{number}: {line.reason}")
            if words := line.decode("utf-8", "replace").split():
                yield number, words
    finally:
        stream.close()
