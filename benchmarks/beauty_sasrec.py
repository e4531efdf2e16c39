"""Scorers on Amazon Beauty as the SASRec and gSASRec papers use it: ids in order.

python -m benchmarks.beauty_sasrec [--scorers NAME,NAME] [--no-fuse] [--part validation]
                                   [--users N] [--fitted FOLDER] [--json FILE] [--data DIR]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.leave_one_out import UNDATED, Benchmark, Histories, leave_one_out_options, run
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.sequences import catalogue_of, read_pairs

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    **UNDATED,
    "sequence": {"epochs": 12, "patience": 0, "batch": 192},
}
"""Options of each scorer, chosen on the validation part."""


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
    retrievers=("co_occurrence", "sequence", "user_knn"),
    recent=("co_occurrence",),
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
