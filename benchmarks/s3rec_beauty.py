"""Scorers on Amazon Beauty 5-core as the S3-Rec repository splits it.

    python -m benchmarks.s3rec_beauty [--scorers NAME,NAME] [--no-fuse] [--part validation]
                                      [--users N] [--fitted FOLDER] [--json FILE] [--data DIR]

The scorers under `text` read titles or categories, which FDSA and S3-Rec read, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.leave_one_out import Benchmark, Histories, leave_one_out_options, run
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.sequences import STEP_MS, catalogue_of, read_lists
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
    return read_lists(folder / "s3rec_Beauty.txt.gz")


def catalogue(_: Path, items: Sequence[str]) -> Catalogue:
    """Return a catalogue of ids."""
    return catalogue_of(items)


S3REC = Benchmark(
    name="s3rec_beauty",
    data="amazon_beauty_5core",
    read=read,
    catalogue=catalogue,
    settings=SETTINGS,
    variants=VARIANTS,
    retrievers=("co_occurrence", "user_knn"),
    recent=("co_occurrence",),
    trees=TreeOptions(trees=1000, leaves=15, learning_rate=0.03, threads=1),
    published={
        "PopRec": (0.0152, 0.0068),
        "GRU4Rec": (0.0283, 0.0137),
        "SASRec": (0.0605, 0.0318),
        "FDSA": (0.0407, 0.0208),
        "S3-Rec": (0.0647, 0.0327),
    },
)
"""Published rows: the repository of S3-Rec (Zhou et al., CIKM 2020)."""


@click.command()
@leave_one_out_options
def main(**asked: Any) -> None:
    """Print hit rate and nDCG of scorers and fusions beside the published rows."""
    run(S3REC, **asked)


if __name__ == "__main__":
    main()
