"""How good the engines' own order is on a set of human judgements, without any learning.

What can be learnt from the judgements is in `benchmarks.learned`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options
from benchmarks.engines import opened
from search_rerank.config import EncoderConfig
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.judgements import Judgements
from search_rerank.encoders import fit_encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.evaluation.compare import bootstrap_ci, paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.indexing import write_catalogue

MODES: Mapping[str, Mapping[str, float]] = {
    "words": {"vector_weight": 0.0},
    "vectors": {"words_weight": 0.0},
    "hybrid": {},
}
"""What is searched by, and the settings that differ from the defaults for it."""
MAIN = "nDCG@10"
CATALOGUE = (MAIN, "recall@200")
JUDGED = (MAIN, "nDCG")
DEPTH = 200
FIRST = 10
Values = dict[str, NDArray[np.float64]]
"""Measure to one value a query."""


@dataclass(frozen=True)
class Systems:
    """The engines with the set indexed.

    Parameters
    ----------
    judgements
        The set.
    queries
        All that were judged.
    vectors
        float32 (queries, dim), a zero row where the encoder knows no word.
    engines
        (engine's kind, mode) to the engine and the version to ask.
    catalogue
        Its items as columns, with their vectors.
    """

    judgements: Judgements
    queries: Sequence[str]
    vectors: NDArray[np.float32]
    engines: Mapping[tuple[str, str], tuple[Engine, str]]
    catalogue: Catalogue

    def request(self, n: int, mode: str) -> Retrieve:
        """Return what an engine is asked for the n-th query."""
        vector = self.vectors[n] if mode != "words" and self.vectors[n].any() else None
        return Retrieve(self.queries[n], vector, k=DEPTH)


def judged_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of all benchmarks, and those of the ones on judgements."""
    encoder = click.option(
        "--encoder",
        default="hashing",
        show_default=True,
        help="`hashing`, or name or folder of a sentence-transformers model.",
    )
    cache = click.option(
        "--cache",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File that keeps vectors for the next run.",
    )
    return options(encoder(cache(command)))


learn_option = click.option(
    "--learned", "learn", is_flag=True, help="What can be learnt on folds over the queries."
)


@contextmanager
def indexed(
    judgements: Judgements,
    attributes: tuple[str, ...],
    encoder_name: str,
    cache_file: Path | None,
    seconds: dict[str, float],
) -> Iterator[Systems]:
    """Index a set on each engine for the time of the block; `seconds` gets what that took."""
    config = EncoderConfig()
    if encoder_name != "hashing":
        config = EncoderConfig(kind="transformer", model=encoder_name)
    queries = list(judgements.gains)
    with tempfile.TemporaryDirectory() as scratch, opened(Path(scratch), MODES) as engines:
        start = perf_counter()
        encoder = fit_encoder(config, (item.text() for item in judgements.items))
        with VectorCache(cache_file or Path(scratch) / "vectors.sqlite") as cache:
            vectors = cache.encode(encoder, queries)
            items = cache.encode(encoder, [item.text() for item in judgements.items])
            seconds["encode"] = perf_counter() - start
            versions: dict[str, str] = {}
            for kind, mode in engines:
                if kind not in versions:
                    start = perf_counter()
                    engine = engines[kind, mode]
                    written = write_catalogue(
                        engine, encoder, cache, judgements.items, attributes=attributes
                    )
                    versions[kind] = written.version
                    seconds[f"index_{kind}"] = perf_counter() - start
        try:
            yield Systems(
                judgements,
                queries,
                vectors,
                {key: (engine, versions[key[0]]) for key, engine in engines.items()},
                Catalogue.from_items(judgements.items, items),
            )
        finally:
            for kind, version in versions.items():
                engines[kind, "words"].drop(version)


def protocol(systems: Systems, encoder_name: str, gains: str) -> str:
    """Return what is measured, in words; `gains` says what an item is worth."""
    judgements, n = systems.judgements, len(systems.judgements.with_positive())
    return (
        f"{judgements.name}, {len(judgements.items)} products, encoder {Path(encoder_name).name}: "
        f"{n} of {len(systems.queries)} queries, those with a gain above 0; {gains}; no learning; "
        f"nDCG@10 and recall@{DEPTH} over the whole catalogue, what is not judged counts 0; "
        "judged_: the judged products alone in the order of the engine's score; judged@10: share "
        "of the first ten that are judged"
    )


def quality(systems: Systems, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return a row for each engine and mode, then the differences between them."""
    found = {
        (kind, mode): _values(systems, engine, version, mode)
        for (kind, mode), (engine, version) in systems.engines.items()
    }
    rows: list[dict[str, Any]] = [
        {"system": f"{kind}_{mode}"}
        | {name: float(value.mean()) for name, value in values.items()}
        | {"ci95": bootstrap_ci(values[MAIN], rng)}
        for (kind, mode), values in found.items()
    ]
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    pairs = [((kind, "hybrid"), (kind, other)) for kind in kinds for other in ("words", "vectors")]
    pairs += [((kinds[0], mode), (kind, mode)) for kind in kinds[1:] for mode in MODES]
    for one, other in pairs:
        test = paired_test(found[one][MAIN], found[other][MAIN], rng)
        name = f"{'_'.join(one)} minus {'_'.join(other)}"
        rows.append({"system": name, MAIN: test.mean, "ci95": test.ci95, "p_value": test.p})
    return rows


def _values(systems: Systems, engine: Engine, version: str, mode: str) -> Values:
    retrieved, judged, share = _Lists(), _Lists(), []
    for n, query in enumerate(systems.queries):
        gains = systems.judgements.gains[query]
        if max(gains.values()) == 0:
            continue  # every order of what is worthless is as good
        request = systems.request(n, mode)
        found = engine.retrieve(request, version)
        # By vectors alone the word hits that come along have no score to be ordered by.
        if mode == "vectors":
            found = found.take(~np.isnan(found.vector))
        retrieved.add(found.ids, gains)
        first = found.ids[:FIRST]
        share.append(sum(id_ in gains for id_ in first) / max(1, len(first)))
        judged.add(engine.score(request, list(gains), version).ids, gains)
    values = {name: retrieved.values(name) for name in CATALOGUE}
    values |= {f"judged_{name}": judged.values(name) for name in JUDGED}
    return values | {f"judged@{FIRST}": np.array(share)}


class _Lists:
    """Ranked ids of each query as the measures read them."""

    def __init__(self) -> None:
        self._gains: list[float] = []
        self._offsets = [0]
        self._missed: list[list[float]] = []

    def add(self, ids: Sequence[str], gains: Mapping[str, float]) -> None:
        """Add the list of the next query."""
        self._gains += [gains.get(id_, 0.0) for id_ in ids]
        self._offsets.append(len(self._gains))
        there = set(ids)
        self._missed.append([gain for id_, gain in gains.items() if id_ not in there])

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one value a query."""
        place = np.arange(len(self._gains))
        offsets = np.array(self._offsets)
        gains = np.array(self._gains)
        grouped = Grouped.ranked(gains, -place.astype(np.float64), place, offsets, self._missed)
        return parse_measure(name).values(grouped)
