"""The versions of an index on a server: two aliases say which is live and which was before."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import elasticsearch as es

from search_rerank.engines.base import IndexSchema, Version
from search_rerank.engines.elasticsearch.mapping import definition, schema_of
from search_rerank.errors import EngineError

FRESH_S = 1.0
"""What is live is asked again after this long: another process's promotion is seen by then."""


@dataclass(frozen=True)
class Known:
    """One version as the server describes it."""

    name: str
    schema: IndexSchema
    created: datetime
    live: bool
    previous: bool


class Versions:
    """Lists, makes, promotes and drops versions `INDEX-vNNNN` behind the alias `INDEX`."""

    def __init__(self, client: es.Elasticsearch, index: str) -> None:
        self._client = client
        self.index = index
        self._before = f"{index}-previous"
        self._pattern = re.compile(rf"{re.escape(index)}-v(\d{{4,}})")
        self._cache: tuple[float, list[Known]] | None = None

    def forget(self) -> None:
        """Ask the server next time."""
        self._cache = None

    def all(self, *, fresh: bool = True) -> list[Known]:
        """Return all versions, newest first; `fresh=False` accepts what was true a second ago."""
        now = time.monotonic()
        if not fresh and self._cache is not None and now - self._cache[0] < FRESH_S:
            return self._cache[1]
        found = self._client.indices.get(
            index=f"{self.index}-v*", features=["aliases", "mappings"], allow_no_indices=True
        )
        known = [self._known(name, entry) for name, entry in found.items() if self._number(name)]
        known.sort(key=lambda version: self._number(version.name), reverse=True)
        self._cache = now, known
        return known

    def get(self, version: str | None) -> Known:
        """Return one version, the live one for None."""
        for fresh in (False, True):
            for known in self.all(fresh=fresh):
                if known.live if version is None else known.name == version:
                    return known
        if version is None:
            raise EngineError(
                f"index {self.index!r} has no live version: "
                f"run `search-rerank index load FILE --promote`"
            )
        names = ", ".join(known.name for known in self.all(fresh=False)) or "none"
        raise EngineError(f"no version {version!r} of index {self.index!r}: it has {names}")

    def create(self, schema: IndexSchema, expected: int) -> str:
        """Make an empty version and return its name."""
        known = self.all()
        number = max((self._number(version.name) for version in known), default=0)
        for _ in range(10):
            number += 1
            name = f"{self.index}-v{number:04d}"
            body = definition(schema, datetime.now(UTC), expected)
            try:
                self._client.indices.create(index=name, **body)
            except es.BadRequestError as error:
                if error.error == "resource_already_exists_exception":
                    continue  # another process took the number
                raise
            self.forget()
            return name
        raise EngineError(f"no free version number for index {self.index!r}: try again")

    def point(self, live: str) -> None:
        """Make a version live and remember the one before, in one atomic step."""
        known = self.all()
        before = next((version.name for version in known if version.live), None)
        if before == live:
            return
        actions: list[dict[str, Any]] = [{"add": {"index": live, "alias": self.index}}]
        if before is not None:
            actions.append({"remove": {"index": before, "alias": self.index}})
            actions.append({"add": {"index": before, "alias": self._before}})
        actions += [
            {"remove": {"index": version.name, "alias": self._before}}
            for version in known
            if version.previous
        ]
        self._client.indices.update_aliases(actions=actions)
        self.forget()

    def previous(self) -> str:
        """Return the version that was live before."""
        for version in self.all():
            if version.previous:
                return version.name
        raise EngineError("nothing to roll back to: no version was live before this one")

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        self.forget()
        if self.get(version).live:
            raise EngineError(f"{version} is live: promote another version first")
        self._client.indices.delete(index=version)
        self.forget()

    def described(self) -> list[Version]:
        """Return all versions with their sizes, newest first."""
        return [
            Version(
                known.name,
                known.schema,
                known.created,
                int(self._client.count(index=known.name)["count"]),
                known.live,
            )
            for known in self.all()
        ]

    def _number(self, name: str) -> int:
        match = self._pattern.fullmatch(name)
        return int(match[1]) if match else 0

    def _known(self, name: str, entry: dict[str, Any]) -> Known:
        meta = entry["mappings"].get("_meta", {})
        if "encoder" not in meta:
            raise EngineError(
                f"{name} was not made by this program: choose another engine.index, or delete it"
            )
        aliases = entry["aliases"]
        return Known(name, *schema_of(meta), self.index in aliases, self._before in aliases)
