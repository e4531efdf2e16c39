"""Scorers on Amazon Beauty 5-core as the S3-Rec repository splits it.

    python -m benchmarks.s3rec_beauty [--scorers NAME,NAME] [--no-fuse] [--part validation]
                                      [--users N] [--fitted FOLDER] [--json FILE] [--data DIR]

Rows of which `text` says yes read titles and categories, as FDSA and S3-Rec read categories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.leave_one_out import UNDATED, Benchmark, Histories, leave_one_out_options, run
from search_rerank.config import EncoderConfig
from search_rerank.data.amazon import ITEMS, read_amazon_beauty
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.refused import Refused
from search_rerank.data.sequences import read_lists
from search_rerank.data.tables import table
from search_rerank.encoders import fit_encoder
from search_rerank.errors import DataError

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    **UNDATED,
    "sequence": {"epochs": 10, "patience": 0},
    "affinity": {"decay": 0.8},
    "content": {"decay": 0.8},
}
"""Options of each scorer, chosen on the validation part."""


def read(folder: Path) -> Histories:
    """Return each shopper's items, oldest first."""
    return read_lists(folder / "s3rec_Beauty.txt.gz")


def catalogue(folder: Path, items: Sequence[str]) -> Catalogue:
    """Return the items with titles, category paths and vectors.

    Raises
    ------
    DataError
        Where the table of items lacks one.
    """
    path = folder / ITEMS
    asins = {
        row["s3rec_id"]: row["asin"] for _, row in table(path, ("asin", "s3rec_id"), Refused())
    }
    named = {item.id: item for item in read_amazon_beauty(folder).items}
    if missing := [item for item in items if asins.get(item) not in named]:
        raise DataError(
            f"{path}: expected every item of the histories, found {len(missing)} missing, such as "
            f"{missing[0]}: take both files from the same release"
        )
    rows = [named[asins[item]].model_copy(update={"id": item}) for item in items]
    texts = [item.text() for item in rows]
    return Catalogue.from_items(rows, fit_encoder(EncoderConfig(), texts).encode(texts))


S3REC = Benchmark(
    name="s3rec_beauty",
    data="amazon_beauty_5core",
    read=read,
    catalogue=catalogue,
    settings=SETTINGS,
    retrievers=("co_occurrence", "sequence", "graph_filter", "user_knn"),
    recent=("co_occurrence", "content"),
    text=frozenset({"affinity", "content"}),
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
