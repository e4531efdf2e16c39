"""Judgements and runs in the form of TREC as ranked groups, with trec_eval's own conventions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from search_rerank.evaluation.grouped import Grouped


def from_run(
    qrels: Mapping[str, Mapping[str, float]],
    run: Mapping[str, Mapping[str, float]],
    greater_first: bool = True,
) -> tuple[list[str], Grouped]:
    """Return the judged queries and their groups, ranked as trec_eval ranks.

    Of equal scores the greater document id comes first; scores are compared in single precision;
    a judgement below 0 counts as 0; a query of the run without judgements is left out.

    Parameters
    ----------
    qrels
        Query to document to relevance.
    run
        Query to document to score; a judged query that it lacks has an empty list.
    greater_first
        False puts the smaller document id first, as MS MARCO's own script does, which
        `ir_measures` asks for the reciprocal rank with a cutoff.

    Returns
    -------
    queries : list of str
        In the order of `qrels`.
    groups : Grouped
        One a query, in that order.
    """
    queries = list(qrels)
    gains: list[float] = []
    scores: list[float] = []
    ties: list[int] = []
    missed: list[list[float]] = []
    sizes: list[int] = []
    for query in queries:
        judged, found = qrels[query], run.get(query, {})
        documents = sorted(found, reverse=greater_first)
        gains += [max(judged.get(one, 0.0), 0.0) for one in documents]
        scores += [found[one] for one in documents]
        ties += range(len(documents))
        sizes.append(len(documents))
        missed.append([max(gain, 0.0) for one, gain in judged.items() if one not in found])
    groups = Grouped.ranked(
        np.array(gains, dtype=np.float64),
        np.array(scores, dtype=np.float32),
        np.array(ties, dtype=np.int64),
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        missed,
    )
    return queries, groups
