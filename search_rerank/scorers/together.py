"""What is had together: pairs of one actor's interactions, and how far above chance nodes pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.scorers.neighbours import largest, ranges

_ROWS_AT_ONCE = 128
_LEAST = 1e-6
"""A mean lift below is rounding."""
Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]
"""Item numbers of the first and the second, and how much the pair counts."""
Nodes = NDArray[np.int32]
Lifts = tuple[int, NDArray[np.float64]]


@dataclass(frozen=True)
class Edges:
    """Directed edges, those of one node together.

    Parameters
    ----------
    starts
        int64 (n + 1,): node c leads to ``to[starts[c]:starts[c + 1]]``.
    to
        int32, node numbers.
    lift
        float32, beside `to`, above 0; 1 is chance.
    rest
        float32 (n,), lift of each node to those it has no edge to.
    """

    starts: NDArray[np.int64]
    to: NDArray[np.int32]
    lift: NDArray[np.float32]
    rest: NDArray[np.float32]


def pairs(
    events: Events,
    weight: NDArray[np.float32],
    *,
    window: int,
    basket_ms: int,
    backward: float,
) -> Iterator[Pairs]:
    """Yield the pairs of one actor's interactions with two items, in both directions.

    A pair counts the geometric mean of its strengths. In one basket, which is one session or a
    gap of at most `basket_ms`, it counts that in both directions; otherwise over its distance (1
    for neighbours in time), and `backward` times that from the later to the earlier.

    Parameters
    ----------
    events
        In time order.
    weight
        float32 (n,), strength of each; interactions without are left out.
    window
        Distance up to which two interactions are a pair.
    """
    used = np.flatnonzero(weight > 0)
    order = used[np.argsort(events.actor()[used], kind="stable")]  # each actor in time order
    actor, item, session = events.actor()[order], events.item[order], events.session[order]
    time_ms, root = events.time_ms[order], np.sqrt(weight[order].astype(np.float64))
    for distance in range(1, min(window, len(item) - 1) + 1):
        early, late = slice(None, -distance), slice(distance, None)
        one = (actor[early] == actor[late]) & (item[early] != item[late])
        together = (session[early] == session[late]) & (session[late] >= 0)
        together |= time_ms[late] - time_ms[early] <= basket_ms
        mass = root[early] * root[late]
        yield item[early][one], item[late][one], np.where(together, mass, mass / distance)[one]
        back = np.where(together, mass, backward * mass / distance)
        yield item[late][one], item[early][one], back[one]


def counts(found: Iterable[Pairs], nodes: Sequence[Nodes], sizes: Sequence[int]) -> list[Any]:
    """Return, for each grouping of items into nodes, how much each node was followed by each.

    Parameters
    ----------
    nodes
        int32 (n_items,) each, the items' nodes, -1 where an item has none.
    sizes
        How many nodes each grouping has.

    Returns
    -------
    list
        float64 sparse (size, size) each.
    """
    from scipy.sparse import csr_matrix

    totals: list[Any] = [csr_matrix((size, size), dtype=np.float64) for size in sizes]
    for first, second, mass in found:
        for place, (node, size) in enumerate(zip(nodes, sizes, strict=True)):
            a, b = node[first], node[second]
            has = (a >= 0) & (b >= 0) & (mass > 0)
            totals[place] += csr_matrix((mass[has], (a[has], b[has])), shape=(size, size))
    return totals


def lifts(levels: Sequence[Any], paths: NDArray[np.int32], shrink: float) -> Iterator[Lifts]:
    """Yield blocks of rows of how far above chance each node is followed by each.

    With N the counted mass of a pair and E what its ends would give by chance, the lift is
    ``(N + shrink * prior) / (E + shrink)``: the mean of a gamma-Poisson model (DuMouchel, 1999),
    whose prior is the lift of the pair one level up, and 1 above all, so that a pair of few counts
    keeps what their upper levels say, and a pair of many its own.

    Parameters
    ----------
    levels
        Of each level, uppermost first, float64 sparse (size, size), see `counts`.
    paths
        int32 (n, len(levels)), each node's number at each level; where a path ends early its last
        number goes on, and counts once.
    shrink
        Weight of the prior, in pairs due by chance.

    Yields
    ------
    Lifts
        The first row's number, and float64 (rows, n), above 0.
    """
    follows = [np.asarray(level.sum(axis=0)).ravel() for level in levels]
    leads = [np.asarray(level.sum(axis=1)).ravel() for level in levels]
    for start in range(0, len(paths), _ROWS_AT_ONCE):
        rows = paths[start : start + _ROWS_AT_ONCE]  # (b, levels)
        lift = np.ones((len(rows), len(paths)))
        for depth, level in enumerate(levels):
            a, b = rows[:, depth], paths[:, depth]
            total = max(float(leads[depth].sum()), 1e-12)
            due = leads[depth][a][:, None] * (follows[depth][b] / total)  # (b, n)
            deeper = (level[a].toarray()[:, b] + shrink * lift) / (due + shrink)
            if depth > 0:
                same_pair = (a == rows[:, depth - 1])[:, None] & (b == paths[:, depth - 1])
                deeper = np.where(same_pair, lift, deeper)
            lift = deeper
        yield start, lift


def kept(blocks: Iterable[Lifts], n: int, keep: int) -> Edges:
    """Return of each node its largest lifts, ties to lower numbers, and the mean of the others.

    Parameters
    ----------
    n
        How many nodes there are.
    keep
        Edges kept of a node at most.
    """
    from scipy.sparse import csr_matrix

    counted, to, values, rest = [np.zeros(1, dtype=np.int64)], [], [], []
    for _, lift in blocks:
        where = largest(csr_matrix(lift), keep)  # a lift is never 0, so that all of them are there
        counted.append(np.bincount(where // n, minlength=len(lift)))
        to.append(where % n)
        values.append(lift.ravel()[where])
        others = np.ones(lift.shape, dtype=bool)
        others.ravel()[where] = False
        left = others.sum(axis=1)
        mean = np.where(others, lift, 0.0).sum(axis=1) / np.maximum(left, 1)
        rest.append(np.where(left > 0, mean, 1.0))
    return Edges(
        np.cumsum(np.concatenate(counted)).astype(np.int64),
        np.concatenate([np.zeros(0), *to]).astype(np.int32),
        np.concatenate([np.zeros(0), *values]).astype(np.float32),
        np.concatenate([np.zeros(0), *rest]).astype(np.float32),
    )


def beyond(
    pairs_of_cells: Any,
    group: NDArray[np.int32],
    node: NDArray[np.int32],
    n: int,
    *,
    shrink: float,
    keep: int,
) -> Edges:
    """Return how far above what their groups explain nodes follow each other, the largest lifts.

    A pair of nodes is due as often as its groups pair, times the nodes' shares in them. Only pairs
    that were counted get an edge, so that very many nodes may be looked at; all others have 1.

    Parameters
    ----------
    pairs_of_cells
        float64 sparse (m, m), see `counts`; a cell is a group and a node in it.
    group, node
        int32 (m,), those of each cell, -1 for none.
    n
        How many nodes there are.
    shrink
        Weight of a lift of 1, in pairs due.
    keep
        Edges kept of a node at most.
    """
    from scipy.sparse import csr_matrix, diags

    m = len(node)
    n_groups = int(group.max(initial=-1)) + 2  # the last stands for no group
    has = np.flatnonzero(node >= 0)
    grouped = csr_matrix((np.ones(m), (np.arange(m), group % n_groups)), shape=(m, n_groups))
    noded = csr_matrix((np.ones(len(has)), (has, node[has])), shape=(m, n))
    between = grouped.T @ pairs_of_cells @ grouped  # (groups, groups)
    shares = []
    for axis in (1, 0):
        mass = np.asarray(pairs_of_cells.sum(axis=axis)).ravel()
        whole = np.maximum(grouped.T @ mass, 1e-12)
        shares.append(diags(1 / whole) @ grouped.T @ diags(mass) @ noded)  # (groups, n)
    leads, follows = (shares[0].T @ between).tocsr(), shares[1]  # (n, groups), (groups, n)
    found = csr_matrix(noded.T @ pairs_of_cells @ noded)
    found.sort_indices()
    rows = np.repeat(np.arange(n), np.diff(found.indptr))
    due = np.zeros(len(rows))
    for start in range(0, n, _ROWS_AT_ONCE):
        part = slice(found.indptr[start], found.indptr[min(start + _ROWS_AT_ONCE, n)])
        block = (leads[start : start + _ROWS_AT_ONCE] @ follows).toarray()
        due[part] = block[rows[part] - start, found.indices[part]]
    found.data = (found.data + shrink) / (due + shrink)
    where = largest(found, keep)
    return Edges(
        np.searchsorted(rows[where], np.arange(n + 1)).astype(np.int64),
        found.indices[where].astype(np.int32),
        found.data[where].astype(np.float32),
        np.ones(n, dtype=np.float32),
    )


def mean_lift(
    edges: Edges, nodes: NDArray[np.int32], weight: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the mean lift of each node over a history's nodes, float64 (n + 1,).

    A history's item without a node, numbered -1, says 1 of all; so does the last entry, which
    stands for candidates without one.
    """
    n = len(edges.starts) - 1
    has = nodes >= 0
    first, w = nodes[has], weight[has].astype(np.float64)
    rows, length = ranges(edges.starts[first], edges.starts[first + 1])
    above = np.repeat(w, length) * (edges.lift[rows] - np.repeat(edges.rest[first], length))
    sums = np.bincount(edges.to[rows], weights=above, minlength=n + 1)
    total = max(float(weight.sum()), 1e-12)
    base = w @ edges.rest[first] + weight[~has].sum()
    mean = (sums + base) / total
    mean[n] = 1.0
    return np.asarray(np.maximum(mean, _LEAST))
