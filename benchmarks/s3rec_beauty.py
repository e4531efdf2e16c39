"""Scorers on Amazon Beauty 5-core as the S3-Rec repository splits it.

    python -m benchmarks.s3rec_beauty [--scorers NAME,NAME] [--part validation] [--users N]
                                      [--json FILE] [--data DIR]

The scorers under `text` read titles or categories, which FDSA and S3-Rec read, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.leave_one_out import Benchmark, Histories, leave_one_out_options, run
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.sequences import catalogue_of, read_lists

UNDATED = {"half_life_days": 0.0}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "popularity": {"half_life_days": 1e6},
    "item_knn": {**UNDATED, "weighting": "cosine", "decay": 0.6},
    "user_knn": {**UNDATED, "decay": 0.6},
    "co_occurrence": {**UNDATED, "decay": 0.4},
    "graph_filter": {**UNDATED, "decay": 0.6},
}
"""Options of each scorer, chosen on the validation part."""


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
    """Print hit rate and nDCG of each scorer beside the published rows."""
    run(S3REC, **asked)


if __name__ == "__main__":
    main()
