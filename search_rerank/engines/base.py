"""What an engine must do: keep versions of an index and answer queries from the live one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.query import Candidates, Filters


@dataclass(frozen=True)
class IndexSchema:
    """What an index version is made for; stored with the version and returned by `versions`.

    Parameters
    ----------
    dim
        Length of the item vectors; 0 for an index without vectors.
    encoder
        Fingerprint of the encoder that made the vectors; queries must come from the same one.
    attributes
        Names of the attributes that can be filtered on and counted.
    """

    dim: int
    encoder: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """What is written of one item.

    Parameters
    ----------
    item
        The item as read.
    vector
        float32 (dim,), unit length; None for an item without one.
    boost
        At least 1; the word score is multiplied by it when candidates are chosen (for example
        ``1 + 0.1 * ln(1 + popularity)``), and divided out of the word score that is returned.
    """

    item: Item
    vector: NDArray[np.float32] | None = None
    boost: float = 1.0


@dataclass(frozen=True)
class Stored:
    """What an engine keeps of one item: the item, its content hash, its vector."""

    item: Item
    content_hash: str
    vector: NDArray[np.float32] | None


@dataclass(frozen=True)
class Version:
    """One version of an index: its name, what it was made for, and whether it is the live one."""

    name: str
    schema: IndexSchema
    created: datetime
    count: int
    live: bool


@dataclass(frozen=True)
class Retrieve:
    """One retrieval.

    Parameters
    ----------
    text
        Words; empty matches every item and orders by boost.
    vector
        float32 (dim,), unit length, or None to search by words only.
    filters, facets
        As in `Query`.
    k
        How many candidates to return at most.
    """

    text: str
    vector: NDArray[np.float32] | None = None
    filters: Filters = Filters()
    facets: tuple[str, ...] = ()
    k: int = 200


class Engine(Protocol):
    """Stores versions of an index and answers queries from the live one.

    Every method that takes `version` reads the live version where it is None.

    Raises
    ------
    EngineUnavailable
        From any method, when the engine cannot be reached or does not answer in time.
    EngineError
        When it refuses: no such version, no live version, a vector of another dimension, a field
        that cannot be filtered on (the message names the fields that can).
    """

    name: str

    def create(self, schema: IndexSchema) -> str:
        """Create an empty version beside the live one and return its name."""

    def write(self, version: str, documents: Sequence[Document]) -> Mapping[str, str]:
        """Write documents, idempotent by item id; return id to reason for each one refused."""

    def delete(self, version: str, ids: Sequence[str]) -> None:
        """Remove items; ids that are not there are no error."""

    def finish(self, version: str) -> None:
        """Make all that was written visible to queries."""

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""

    def versions(self) -> Sequence[Version]:
        """Return all versions, newest first."""

    def retrieve(self, request: Retrieve, version: str | None = None) -> Candidates:
        """Return candidates by words and by meaning, in the order of the fused score."""

    def score(
        self, request: Retrieve, ids: Sequence[str], version: str | None = None
    ) -> Candidates:
        """Return the given items with the scores `retrieve` would give them, best first.

        Ids that the version does not hold are left out; filters, facets and k are not applied.
        """

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""

    def info(self) -> Mapping[str, Any]:
        """Return what a health page shows: kind, where, versions of the software."""

    def close(self) -> None:
        """Release files and connections; the engine cannot be used afterwards."""


def live_version(engine: Engine) -> Version | None:
    """Return the live version of an engine's index, None where there is none."""
    return next((version for version in engine.versions() if version.live), None)
