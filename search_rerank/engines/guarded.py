"""An engine that is not asked while it is away, but for a probe now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from search_rerank.data.item import Item
from search_rerank.engines.base import (
    Document,
    Engine,
    IndexSchema,
    Outcome,
    Retrieve,
    Stored,
    Suggestion,
    Version,
)
from search_rerank.errors import EngineUnavailable
from search_rerank.guarding.breaker import Breaker
from search_rerank.query import Candidates

T = TypeVar("T")


class GuardedEngine:
    """Another engine, whose searches and lookups fail at once while it is away.

    Only `EngineUnavailable` counts as a failure: an engine that refuses is there. What writes is
    passed on as it is, so that a load waits for its engine as it always did.

    Parameters
    ----------
    engine
        What answers.
    breaker
        Decides when it is asked.
    """

    def __init__(self, engine: Engine, breaker: Breaker) -> None:
        self._engine = engine
        self._breaker = breaker
        self.name = engine.name

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""
        return self._ask(lambda: self._engine.count(version))

    def versions(self) -> Sequence[Version]:
        """Return all versions, newest first."""
        return self._ask(self._engine.versions)

    def retrieve(self, request: Retrieve, version: str | None = None) -> Candidates:
        """Return candidates by words and by meaning, in the order of the fused score."""
        return self._ask(lambda: self._engine.retrieve(request, version))

    def score(
        self, request: Retrieve, ids: Sequence[str], version: str | None = None
    ) -> Candidates:
        """Return the given items with the scores `retrieve` would give them, best first."""
        return self._ask(lambda: self._engine.score(request, ids, version))

    def did_you_mean(self, text: str, version: str | None = None) -> str | None:
        """Return the text with unknown words replaced."""
        return self._ask(lambda: self._engine.did_you_mean(text, version))

    def suggest(self, prefix: str, k: int, version: str | None = None) -> Sequence[Suggestion]:
        """Return completions."""
        return self._ask(lambda: self._engine.suggest(prefix, k, version))

    def highlight(
        self, text: str, ids: Sequence[str], version: str | None = None
    ) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
        """Return where the words of a text stand in items."""
        return self._ask(lambda: self._engine.highlight(text, ids, version))

    def hashes(self, ids: Sequence[str], version: str | None = None) -> Sequence[str | None]:
        """Return the content hashes of items."""
        return self._ask(lambda: self._engine.hashes(ids, version))

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""
        return self._ask(lambda: self._engine.lookup(ids, version))

    def items(self, ids: Sequence[str], version: str | None = None) -> Sequence[Item | None]:
        """Return items, in the order asked, None for ids not there."""
        return self._ask(lambda: self._engine.items(ids, version))

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one and return its name."""
        return self._engine.create(schema, expected)

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order."""
        return self._engine.write(version, documents)

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items as of a revision; return the outcome of each."""
        return self._engine.delete(version, ids, revision)

    def finish(self, version: str) -> None:
        """Make all that was written durable and visible to queries."""
        self._engine.finish(version)

    def seal(self, version: str) -> None:
        """End the loading of a version."""
        self._engine.seal(version)

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""
        self._engine.promote(version)

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""
        return self._engine.rollback()

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        self._engine.drop(version)

    def info(self) -> Mapping[str, Any]:
        """Return what a health page shows."""
        return self._engine.info()

    def close(self) -> None:
        """Release files and connections."""
        self._engine.close()

    def _ask(self, ask: Callable[[], T]) -> T:
        if not self._breaker.lets():
            raise EngineUnavailable(
                "the engine was away a moment ago; it is asked again within a second"
            )
        try:
            found = ask()
        except EngineUnavailable:
            self._breaker.failed()
            raise
        except Exception:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return found
