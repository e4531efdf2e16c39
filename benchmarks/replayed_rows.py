"""Replayed feature rows of a window, kept in a folder between runs where one is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from search_rerank.answer import Degraded
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment
from search_rerank.features.table import FeatureTable
from search_rerank.occasions import Occasion
from search_rerank.replay import Replayed
from search_rerank.training import Shop, as_of, quiet, replayed, spread, tasks


@dataclass(frozen=True)
class Window:
    """A part of the log, unix milliseconds.

    Parameters
    ----------
    start_ms
        Scorers and index learn from what lies before; the state holds that from the start.
    end_ms
        Queries before it are ranked.
    """

    start_ms: int
    end_ms: int


GROUPS = ("query.", "item.", "user.", "score.")
"""How the features begin that say something here: the log has no sessions, rankings or searches."""
SILENT = ("query.interactions", "query.category_share")
"""Those among them that only a typed query gives a value."""


class Fewer(FeatureBuilder):
    """Builds a table without the columns that say nothing in this data set."""

    def build(self, moment: Moment) -> tuple[FeatureTable, list[Degraded]]:
        """Return the candidates' features as a table of one group, and which scorers failed."""
        table, failed = super().build(moment)
        others = [name for name in table.names if not name.startswith(GROUPS)]
        return selected(table, (*others, *SILENT)), failed


def selected(table: FeatureTable, left_out: Sequence[str]) -> FeatureTable:
    """Return a table without the columns whose names begin like one of these."""
    if not left_out:
        return table
    keep = [n for n, name in enumerate(table.names) if not name.startswith(tuple(left_out))]
    return replace(table, names=tuple(table.names[n] for n in keep), X=table.X[:, keep])


def some(rows: Replayed, most: int) -> Replayed:
    """Return at most so many groups, spread evenly."""
    sizes = rows.table.sizes
    if len(sizes) <= most:
        return rows
    chosen = np.linspace(0, len(sizes) - 1, most).astype(int)
    keep = np.isin(rows.table.group, chosen)
    kept = rows.table.rows(keep)
    return Replayed(
        replace(kept, offsets=np.concatenate([[0], np.cumsum(sizes[chosen])])),
        rows.gains[keep],
        [rows.missed[n] for n in chosen.tolist()],
        [rows.occasions[n] for n in chosen.tolist()],
        rows.items[keep],
        rows.places[keep],
    )


def rows_of(shop: Shop, window: Window, prefix: str, most: int, folder: Path | None) -> Replayed:
    """Return the rows of at most so many queries of a window, spread evenly over it.

    Parameters
    ----------
    prefix
        Of the task, as `search_rerank.training.tasks` names it.
    folder
        Where rows are kept, by the settings that made them; the code that made them is not told
        apart, so that a change of it needs another folder.
    """
    occasions = spread(tasks(shop, window.start_ms, window.end_ms)[prefix], most)
    file = None if folder is None else folder / f"{_digest(shop, window, prefix, most)}.npz"
    if file is not None and file.exists():
        return _read(file, occasions)
    with as_of(shop, window.start_ms) as replay:
        builder = Fewer(replay.builder.catalogue, replay.builder.scorers)
        own = replace(replay, builder=builder)
        parts = replayed(own, shop, occasions, window.start_ms, quiet, "")
        rows = Replayed.concat([*parts])
    if file is not None:
        _write(file, rows)
    return rows


def _digest(shop: Shop, window: Window, prefix: str, most: int) -> str:
    config = shop.config
    told = (
        [scorer.model_dump_json() for scorer in config.scorers],
        config.encoder.model_dump_json(),
        config.retrieval.model_dump_json(),
        (shop.live, config.training.history, window, prefix, most, GROUPS, SILENT),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _write(file: Path, rows: Replayed) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npz")
    table = rows.table
    np.savez(
        unfinished,
        names=np.array(table.names),
        X=table.X,
        offsets=table.offsets,
        engine_rank=table.engine_rank,
        gains=rows.gains,
        items=rows.items,
        places=rows.places,
        missed=np.array([gain for gains in rows.missed for gain in gains], dtype=np.float64),
        missed_sizes=np.array([len(gains) for gains in rows.missed]),
    )
    unfinished.replace(file)


def _read(file: Path, occasions: Sequence[Occasion]) -> Replayed:
    with np.load(file, allow_pickle=False) as found:
        ends = np.cumsum(found["missed_sizes"])
        return Replayed(
            FeatureTable(
                tuple(found["names"].tolist()), found["X"], found["offsets"], found["engine_rank"]
            ),
            found["gains"],
            [part.tolist() for part in np.split(found["missed"], ends[:-1])],
            occasions,
            found["items"],
            found["places"],
        )
