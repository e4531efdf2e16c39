"""Retrieval on `esci_us_subset`, 6,764 products of Amazon and 150 judged queries.

    python -m benchmarks.esci [--learned] [--encoder NAME] [--cache FILE] [--json FILE] [--data DIR]

Elasticsearch is measured too where SEARCH_RERANK_ES_URL names a server.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from benchmarks.common import report
from benchmarks.judged import indexed, judged_options, learn_option, protocol, quality
from benchmarks.learned import learned, learned_protocol
from search_rerank.data.esci import NAME, read_esci
from search_rerank.data.layouts import data_root

ATTRIBUTES = ("color",)


@click.command()
@judged_options
@learn_option
def main(
    encoder: str, cache: Path | None, data: Path | None, learn: bool, json_file: Path | None
) -> None:
    """Print the quality of both engines by words, by vectors and by both; or what is learnt."""
    judgements = read_esci(data or data_root() / NAME)
    seconds: dict[str, float] = {}
    rng = np.random.default_rng(0)
    with indexed(judgements, ATTRIBUTES, encoder, cache, seconds) as systems:
        about = protocol(systems, encoder, "gains E 1, S .1, C .01, I 0")
        if learn:
            about, rows = learned_protocol(about), learned(systems, rng)
        else:
            rows = quality(systems, rng)
    report("esci", about, rows, seconds, json_file)


if __name__ == "__main__":
    main()
