"""The versions of an index on a server: two aliases say which is live and which was before."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import elasticsearch as es

from search_rerank.config import EngineConfig
from search_rerank.engines.base import IndexSchema, Version
from search_rerank.engines.elasticsearch.mapping import PRESENT, definition, schema_of
from search_rerank.errors import EngineError

FRESH_S = 1.0
"""What is live is asked again after this long: another process's promotion is seen by then."""
_LOADING = "loading"
_HIGHEST = "highest"
_WRITING = "-writing"
_ATTEMPTS = 10


@dataclass(frozen=True)
class Known:
    """One version as the server describes it.

    Parameters
    ----------
    meta
        What its mapping keeps beside the schema.
    """

    name: str
    schema: IndexSchema
    created: datetime
    live: bool
    previous: bool
    meta: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, datetime]:
        """What no other version has: a name comes again where all others were dropped."""
        return self.name, self.created

    @property
    def loading(self) -> bool:
        """Whether it is still being loaded."""
        return bool(self.meta.get(_LOADING, False))

    @property
    def writing(self) -> str:
        """The alias that writes go through: where it is gone no index is made anew."""
        return f"{self.name}{_WRITING}"


class Versions:
    """Lists, makes, promotes and drops versions `INDEX-vNNNN` behind the alias `INDEX`.

    Parameters
    ----------
    client, searching
        Two clients of one server: the second waits no longer than a search may take.
    """

    def __init__(
        self,
        client: es.Elasticsearch,
        searching: es.Elasticsearch,
        config: EngineConfig,
        quantise_above: int,
    ) -> None:
        self._client = client
        self._searching = searching
        self._config = config
        self._quantise_above = quantise_above
        self.index = config.index
        self._before = f"{self.index}-previous"
        self._pattern = re.compile(rf"{re.escape(self.index)}-v(\d{{4,}})")
        self._cache: tuple[float, list[Known]] | None = None

    def forget(self) -> None:
        """Ask the server next time."""
        self._cache = None

    def all(self, *, fresh: bool = True) -> list[Known]:
        """Return all versions, newest first; `fresh=False` accepts what was true a second ago."""
        now, cache = time.monotonic(), self._cache
        if not fresh and cache is not None and now - cache[0] < FRESH_S:
            return cache[1]
        # What any node knows is good enough for a search: it goes on while there is no master.
        client = self._client if fresh else self._searching
        found = client.indices.get(
            index=f"{self.index}-v*",
            features=["aliases", "mappings"],
            allow_no_indices=True,
            local=not fresh,
        )
        known = [self._known(name, entry) for name, entry in found.items() if self._number(name)]
        known.sort(key=lambda version: self._number(version.name), reverse=True)
        self._cache = now, known
        return known

    def get(self, version: str | None, *, fresh: bool = False) -> Known:
        """Return one version, the live one for None."""
        for anew in (True,) if fresh else (False, True):
            for known in self.all(fresh=anew):
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
        """Make an empty version and return its name.

        No version had that name before, as long as the index has any: then numbers begin anew.
        """
        number = max((self._highest(version) for version in self.all()), default=0)
        for _ in range(_ATTEMPTS):
            number += 1
            name = f"{self.index}-v{number:04d}"
            body = definition(schema, datetime.now(UTC), expected > self._quantise_above)
            body["mappings"]["_meta"] |= {_LOADING: True, _HIGHEST: number}
            body["settings"] |= {"number_of_shards": self._config.shards, **self._copies()}
            aliases = {f"{name}{_WRITING}": {"is_hidden": True}}
            try:
                self._client.indices.create(index=name, aliases=aliases, **body)
            except es.BadRequestError as error:
                if error.error == "resource_already_exists_exception":
                    continue  # another process took the number
                raise
            self.forget()
            return name
        raise EngineError(f"no free version number for index {self.index!r}: try again")

    def seal(self, version: Known) -> None:
        """Note that a version is no longer being loaded, and let it be read as it changes."""
        self._note(version, {_LOADING: False})
        self._client.indices.put_settings(index=version.name, settings={"refresh_interval": "1s"})

    def promote(self, version: str) -> None:
        """Make a version live."""
        if self.get(version, fresh=True).loading:
            raise EngineError(
                f"{version} is still being loaded: load it to the end, or seal it, first"
            )
        self._point(version)

    def rollback(self) -> str:
        """Make the version live that was before, and return its name."""
        version = next((version.name for version in self.all() if version.previous), None)
        if version is None:
            raise EngineError("nothing to roll back to: no version was live before this one")
        self._point(version)
        return version

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        known = self.get(version, fresh=True)
        if known.live:
            raise EngineError(f"{version} is live: promote another version first")
        others = [other for other in self.all() if other.name != version]
        if others and self._highest(known) > max(map(self._highest, others)):
            # Records elsewhere may know the name: another version keeps the number from returning.
            keeper = min(others, key=lambda other: other.loading)
            self._note(keeper, {_HIGHEST: self._highest(known)})
        self._client.indices.delete(index=version)
        self.forget()

    def described(self) -> list[Version]:
        """Return all versions with their sizes, newest first."""
        return [
            Version(
                known.name,
                known.schema,
                known.created,
                self.count(known),
                known.live,
                known.previous,
                known.loading,
            )
            for known in self.all()
        ]

    def count(self, version: Known) -> int:
        """Return how many items a version holds."""
        return int(self._client.count(index=version.name, query=PRESENT)["count"])

    def _point(self, live: str) -> None:
        """Point the aliases to a version and the one before, in one step."""
        for last in (False,) * (_ATTEMPTS - 1) + (True,):
            known = self.all()
            before = next((version.name for version in known if version.live), None)
            if before == live:
                return
            actions: list[dict[str, Any]] = [{"add": {"index": live, "alias": self.index}}]
            if before is not None:
                taken = {"index": before, "alias": self.index, "must_exist": True}
                actions.append({"remove": taken})
                actions.append({"add": {"index": before, "alias": self._before}})
            actions += [
                {"remove": {"index": version.name, "alias": self._before}}
                for version in known
                if version.previous
            ]
            try:
                self._client.indices.update_aliases(actions=actions)
            except es.NotFoundError:  # another process has promoted or dropped one since
                self.get(live, fresh=True)
                if last:
                    raise
            else:
                self.forget()
                return

    def _note(self, version: Known, changes: Mapping[str, Any]) -> None:
        """Change what the mapping of a version keeps."""
        meta = {**self.get(version.name, fresh=True).meta, **changes}
        self._client.indices.put_mapping(index=version.name, meta=meta)
        self.forget()

    def _copies(self) -> dict[str, Any]:
        if self._config.replicas is None:
            return {"auto_expand_replicas": "0-1"}  # one where there are two nodes or more
        return {"number_of_replicas": self._config.replicas}

    def _highest(self, version: Known) -> int:
        return max(self._number(version.name), int(version.meta.get(_HIGHEST, 0)))

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
        live, previous = self.index in aliases, self._before in aliases
        return Known(name, *schema_of(meta), live, previous, meta)
