"""The cosines that a search did not tell: of vectors read before, else asked for."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.asking import Asking, Failure, good, optional
from search_rerank.engines.elasticsearch.union import Union
from search_rerank.engines.elasticsearch.vectors import Vectors
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.errors import EngineError

_AT_ONCE = 50
"""Vectors read beside one request: they are long as text."""


class Cosines:
    """Knows the cosines of items that only the words found.

    Parameters
    ----------
    asking
        Where they are asked for.
    num_candidates
        Vectors looked at to find the nearest.
    mb
        Megabytes for vectors that were read.
    """

    def __init__(self, asking: Asking, num_candidates: int, mb: float) -> None:
        self._asking = asking
        self._num_candidates = num_candidates
        self._vectors = Vectors(mb)

    def recall(self, version: Known, vector: NDArray[np.float32], union: Union) -> None:
        """Tell a union the cosines of vectors that were read before."""
        lacking = union.lacking()
        if lacking:
            ids = [union.ids[row] for row in lacking]
            states = [union.states[id_] for id_ in ids]
            places, cosines = self._vectors.cosines(version, vector, ids, states)
            union.tell(np.array(lacking)[places], cosines)

    def ask(self, version: Known, vector: NDArray[np.float32], union: Union) -> Failure | None:
        """Ask for the cosines that a union lacks, and read some of the vectors for the next."""
        ids = [union.ids[row] for row in union.lacking()]
        if not ids:
            return None
        only = [search.with_ids(ids)]
        near = search.near(vector, len(ids), only, self._num_candidates)
        searches = [search.listing(near, len(ids), 0)]
        if wanted := ids[: min(_AT_ONCE, self._vectors.room(version))]:
            searches.append(search.vectors(wanted))
        answers = self._asking.ask(version, searches)
        more, failed = optional(answers[0])
        union.add_cosines(more)
        if wanted:
            with suppress(EngineError):  # the next request reads them
                self._vectors.keep(version, search.vectors_of(good(answers[1])))
        return failed
