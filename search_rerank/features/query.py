"""What the engine thinks of the match between the words and each candidate."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, constant, of_best, place
from search_rerank.features.moment import Moment


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the query group: word and vector scores, raw and within the candidates."""
    found = moment.candidates
    n = len(found)
    return {
        "query.words": constant(len(moment.query.text.split()), n),
        "query.candidates": constant(n, n),
        "query.lexical": found.lexical,
        "query.lexical_of_best": of_best(found.lexical),
        "query.vector": found.vector,
        "query.vector_place": place(found.vector),
        "query.engine_score": found.score,
        "query.engine_rank": np.arange(n, dtype=np.float32),
        "query.interactions": np.log1p(moment.query_counts),
        "query.interactions_of_best": of_best(moment.query_counts),
    }
