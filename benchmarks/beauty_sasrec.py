"""Scorers on Amazon Beauty as the SASRec and gSASRec papers use it: ids in order.

python -m benchmarks.beauty_sasrec [--scorers NAME,NAME] [--no-fuse] [--part validation]
                                   [--users N] [--fitted FOLDER] [--json FILE] [--data DIR]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.leave_one_out import Benchmark, Histories, leave_one_out_options, run
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.sequences import STEP_MS, catalogue_of, read_pairs
from search_rerank.fusion.lambdamart import TreeOptions

DAY_S = 86_400
UNDATED = {"half_life_days": 0.0}
AFTER = {**UNDATED, "decay": 0.5, "backward": 0.1, "distance": 0.5}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "popularity": {"half_life_days": 1e6},
    "item_knn": {**UNDATED, "weighting": "cosine", "decay": 0.6},
    "user_knn": {**UNDATED, "decay": 0.6},
    "co_occurrence": AFTER,
    "graph_filter": {**UNDATED, "decay": 0.6},
    "sequence": {"epochs": 12, "patience": 0, "batch": 192},
}
"""Options of each scorer, chosen on the validation part."""
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "all_after": ("co_occurrence", {**AFTER, "window": 50, "decay": 1.0}),
    "next": ("co_occurrence", {**AFTER, "window": 1, "backward": 0.0}),
    "before": ("co_occurrence", {**AFTER, "window": 5, "backward": 100.0}),
    "rare_after": ("co_occurrence", {**AFTER, "popularity": 0.5}),
    "popular_of_late": ("popularity", {"half_life_days": 3 * STEP_MS / 1000 / DAY_S}),
}
"""More columns of the fusions."""


def read(folder: Path) -> Histories:
    """Return each shopper's items, oldest first."""
    return read_pairs(folder / "beauty.txt.gz")


def catalogue(_: Path, items: Sequence[str]) -> Catalogue:
    """Return a catalogue of ids."""
    return catalogue_of(items)


BEAUTY = Benchmark(
    name="beauty_sasrec",
    data="amazon_beauty_sasrec",
    read=read,
    catalogue=catalogue,
    settings=SETTINGS,
    variants=VARIANTS,
    retrievers=("co_occurrence", "sequence", "user_knn"),
    recent=("co_occurrence",),
    trees=TreeOptions(trees=300, leaves=15, learning_rate=0.06, threads=1),
    published={
        "SASRec": (0.0246, 0.0126),
        "BERT4Rec": (0.0338, 0.0187),
        "SASRec, full cross-entropy": (0.0533, 0.0327),
    },
)
"""Published rows: gSASRec (Petrov and Macdonald, RecSys 2023) and "Turning Dross Into Gold Loss"
(Klenitskiy and Vasilev, RecSys 2023)."""


@click.command()
@leave_one_out_options
def main(**asked: Any) -> None:
    """Print hit rate and nDCG of scorers and fusions beside the published rows."""
    run(BEAUTY, **asked)


if __name__ == "__main__":
    main()
