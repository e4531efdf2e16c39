"""What an engine must do: keep versions of an index and answer queries from the live one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.query import Candidates, Facet, Filters, Sort


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
    language
        How words are cut and stemmed, one of `languages.LANGUAGES`.
    languages
        (text field, language) of those that differ.
    codes
        Attributes whose value names one product, such as `gtin`.
    """

    dim: int
    encoder: str
    attributes: tuple[str, ...] = ()
    language: str = "en"
    languages: tuple[tuple[str, str], ...] = ()
    codes: tuple[str, ...] = ("sku", "gtin", "ean", "upc", "isbn", "mpn")


def schema_from(entry: Mapping[str, Any]) -> IndexSchema:
    """Return a schema from its `dataclasses.asdict` as JSON gives it back; other keys are ignored.

    What an index made by an older version of this program lacks has its default.
    """
    lists = {name: tuple(entry[name]) for name in ("attributes", "codes") if name in entry}
    languages = tuple((name, language) for name, language in entry.get("languages", ()))
    language = entry.get("language", "en")
    return IndexSchema(
        entry["dim"], entry["encoder"], language=language, languages=languages, **lists
    )


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
        None keeps the one stored, 1 for a new item.
    revision
        When this state of the item was true, unix milliseconds; one that is older than what is
        stored is stale and not written.
    replaces
        Content hash of the stored item it was made from; where another is stored by now it is a
        conflict and not written. None replaces any.
    """

    item: Item
    vector: NDArray[np.float32] | None = None
    boost: float | None = None
    revision: int = 0
    replaces: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of writing or deleting one item.

    Parameters
    ----------
    status
        `written` (also: deleted); `unchanged`, the same is stored already (nothing to delete);
        `stale`, a newer one is; `conflict`, another is than it was made from; `refused`.
    reason
        Why it was refused.
    """

    status: Literal["written", "unchanged", "stale", "conflict", "refused"]
    reason: str | None = None


WRITTEN = Outcome("written")
UNCHANGED = Outcome("unchanged")
STALE = Outcome("stale")
CONFLICT = Outcome("conflict")


@dataclass(frozen=True)
class Stored:
    """What an engine keeps of one item: the item, its content hash, its vector."""

    item: Item
    content_hash: str
    vector: NDArray[np.float32] | None


@dataclass(frozen=True)
class Version:
    """One version of an index.

    Parameters
    ----------
    name, schema, created, count
        What it is called, was made for, when, and how many items it holds.
    live
        Whether queries are answered from it.
    previous
        Whether `rollback` goes back to it.
    loading
        Whether it is still being loaded: `seal` was not called yet.
    """

    name: str
    schema: IndexSchema
    created: datetime
    count: int
    live: bool
    previous: bool = False
    loading: bool = False


@dataclass(frozen=True)
class Retrieve:
    """One retrieval.

    Parameters
    ----------
    text
        Words; empty matches every item and orders by boost.
    vector
        float32 (dim,), unit length, or None to search by words only.
    filters, facets, sort, collapse
        As in `Query`. A sorted retrieval has word hits only.
    k
        How many candidates to return at most.
    every_word
        Whether an item must have every word in some field to be a word hit.
    as_typed
        For whoever asks the engine: whether the text is not to be corrected. Engines never do.
    """

    text: str
    vector: NDArray[np.float32] | None = None
    filters: Filters = Filters()
    facets: tuple[Facet, ...] = ()
    k: int = 200
    sort: tuple[Sort, ...] = ()
    collapse: bool = False
    every_word: bool = False
    as_typed: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A completion of what is being typed.

    Parameters
    ----------
    text
        What to search for or show.
    kind
        Where it comes from: `title`, `brand`, `category`, `query` (what several shoppers asked),
        `own` (what this shopper asked).
    item
        The item of a title.
    """

    text: str
    kind: Literal["title", "brand", "category", "query", "own"]
    item: str | None = None


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

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one, made for so many items; return its name."""

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order.

        Of several with one id in a call the last counts. What is written to a version that is
        being loaded, by whatever process, is in it when it is sealed.
        """

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items as of a revision; return the outcome of each.

        In a version that is being loaded an older document that comes later stays out, too.
        """

    def finish(self, version: str) -> None:
        """Make all that was written durable and visible to queries."""

    def seal(self, version: str) -> None:
        """End the loading of a version: finish, apply what came meanwhile, make it fast."""

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
        """Return candidates by words and by meaning, in the order of the fused score.

        An item whose id, code or whole title is the text comes first, if it meets the filters.
        """

    def score(
        self, request: Retrieve, ids: Sequence[str], version: str | None = None
    ) -> Candidates:
        """Return the given items with the scores `retrieve` would give them, best first.

        Ids that the version does not hold are left out; filters, facets, sort, collapse and k are
        not applied.
        """

    def did_you_mean(self, text: str, version: str | None = None) -> str | None:
        """Return the text with unknown words replaced, as in `Candidates.did_you_mean`."""

    def suggest(self, prefix: str, k: int, version: str | None = None) -> Sequence[Suggestion]:
        """Return at most k completions of each kind, the most in demand first.

        Every word before the last must be in the title, brand or category of an item, and the last
        begin a word of it.
        """

    def highlight(
        self, text: str, ids: Sequence[str], version: str | None = None
    ) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
        """Return where the words of a text stand in items: id to field to (start, end).

        Fields are `title` and `description`, places are characters; one without any is left out.
        """

    def hashes(self, ids: Sequence[str], version: str | None = None) -> Sequence[str | None]:
        """Return the content hashes of items, in the order asked, None for ids not there."""

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""

    def items(self, ids: Sequence[str], version: str | None = None) -> Sequence[Item | None]:
        """Return the items of `lookup` without the vectors, which is several times quicker."""

    def info(self) -> Mapping[str, Any]:
        """Return what a health page shows: kind, where, versions of the software."""

    def close(self) -> None:
        """Release files and connections; the engine cannot be used afterwards."""


def live_version(engine: Engine) -> Version | None:
    """Return the live version of an engine's index, None where there is none."""
    return next((version for version in engine.versions() if version.live), None)
