"""Retrieval on `chorus_icecat`, 19,406 products of electronics and 135 rated queries.

    python -m benchmarks.chorus [--learned] [--encoder NAME] [--cache FILE] [--json FILE]

Elasticsearch is measured too where SEARCH_RERANK_ES_URL names a server; then the answers of both
engines are compared.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from benchmarks.common import report
from benchmarks.congruence import congruence
from benchmarks.judged import indexed, judged_options, learn_option, protocol, quality
from benchmarks.learned import learned, learned_protocol
from search_rerank.data.chorus import NAME, read_chorus
from search_rerank.data.layouts import data_root

ATTRIBUTES = ("product_colour", "type")
"""What can be filtered on, of 5,000 attributes: a server limits the fields of an index."""


@click.command()
@judged_options
@learn_option
def main(
    encoder: str, cache: Path | None, data: Path | None, learn: bool, json_file: Path | None
) -> None:
    """Print the quality of both engines by words, by vectors and by both; or what is learnt."""
    judgements = read_chorus(data or data_root() / NAME)
    seconds: dict[str, float] = {}
    rng = np.random.default_rng(0)
    with indexed(judgements, ATTRIBUTES, encoder, cache, seconds) as systems:
        about = protocol(systems, encoder, "the rating, 0 to 3, is the gain")
        if learn:
            about, rows = learned_protocol(about), learned(systems, rng)
        else:
            rows = quality(systems, rng)
            rows += congruence(systems, ATTRIBUTES[0])
    report("chorus", about, rows, seconds, json_file)


if __name__ == "__main__":
    main()
