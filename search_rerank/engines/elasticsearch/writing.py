"""Documents into a version by the rules of revisions: no newer state is lost to an older one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import elasticsearch as es
import orjson

from search_rerank.engines.base import STALE, UNCHANGED, WRITTEN, Document, Outcome
from search_rerank.engines.elasticsearch.bulk import Bulk, Result
from search_rerank.engines.elasticsearch.connection import VersionGone, reason_of
from search_rerank.engines.elasticsearch.mapping import source
from search_rerank.engines.elasticsearch.pace import Operation
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.engines.revisions import Kept, judged, sorted_out
from search_rerank.errors import EngineError

_ROUNDS = 20
"""So often an item is judged anew because another process wrote it in between."""
_READ = 1000
_LONGEST_ID = 512
_GONE = {"term": {"gone": True}}
_STATE = ["hash", "boost", "revision", "gone"]
State = tuple[int, int]
"""Sequence number and primary term: what must still hold when the document is replaced."""


@dataclass(frozen=True)
class _Found:
    """What is stored under an id: an item, or (None) the note that it was removed."""

    kept: Kept | None
    revision: int
    state: State


class Writing:
    """Writes to versions and removes from them.

    Parameters
    ----------
    client
        The connection.
    bulk
        What sends the operations.
    """

    def __init__(self, client: es.Elasticsearch, bulk: Bulk) -> None:
        self._client = client
        self._bulk = bulk

    def write(self, version: Known, documents: Sequence[Document]) -> list[Outcome]:
        """Write documents as `Engine.write` does."""
        outcomes, last = sorted_out(documents, version.schema)
        # A version being loaded holds hardly any item that comes: what it holds shows in conflicts.
        first = [id_ for id_, n in last.items() if not version.loading or documents[n].replaces]
        found = self._found(version, first)
        pending = list(last)
        for _ in range(_ROUNDS):
            wanted: dict[str, Outcome] = {}
            operations = self._operations(
                version, {id_: documents[last[id_]] for id_ in pending}, found, wanted
            )
            results = self._bulk.send(version.writing, operations, len(pending))
            for id_, outcome in wanted.items():
                outcomes[last[id_]] = _outcome(results.get(id_), outcome)
            pending = [id_ for id_, result in results.items() if _conflicts(result)]
            for id_ in pending:
                found.pop(id_, None)
            found |= self._found(version, pending)
            for id_ in [id_ for id_ in pending if results[id_].repeated]:
                if _is_ours(documents[last[id_]], found.get(id_)):
                    pending.remove(id_)  # an attempt without an answer had been carried out
                    outcomes[last[id_]] = WRITTEN
            if not pending:
                return [outcome for outcome in outcomes if outcome is not None]
        raise _given_up(version, pending)

    def delete(self, version: Known, ids: Sequence[str], revision: int) -> list[Outcome]:
        """Remove items as `Engine.delete` does."""
        outcomes = dict.fromkeys(ids, UNCHANGED)
        pending = [id_ for id_ in outcomes if can_be_stored(id_)]
        for _ in range(_ROUNDS):
            found = self._found(version, pending)
            operations: list[Operation] = []
            for id_ in pending:
                old = found.get(id_)
                outcomes[id_] = UNCHANGED
                if old is not None and old.kept is not None:
                    if revision < old.revision:
                        outcomes[id_] = STALE
                        continue
                    outcomes[id_] = WRITTEN
                elif not version.loading or (old is not None and old.revision >= revision):
                    continue
                operations.append(_removal(version, id_, old, revision))
            results = self._bulk.send(version.writing, operations, len(operations))
            for id_, result in results.items():
                if result.status >= 300 and not _conflicts(result):
                    raise EngineError(f"{version.name}: cannot remove {id_!r}: {result.reason}")
            pending = [id_ for id_, result in results.items() if _conflicts(result)]
            if not pending:
                again = set[str]()
                return [_first(id_, outcomes[id_], again) for id_ in ids]
        raise _given_up(version, pending)

    def hashes(self, version: Known, ids: Sequence[str]) -> list[str | None]:
        """Return content hashes as `Engine.hashes` does."""
        found: dict[str, str] = {}
        every = [id_ for id_ in dict.fromkeys(ids) if can_be_stored(id_)]
        for start in range(0, len(every), _READ):
            part = every[start : start + _READ]
            answer = self._client.search(
                index=version.name,
                query={"terms": {"is_id": part}},
                size=len(part),
                source=False,
                stored_fields="_none_",
                docvalue_fields=[{"field": "is_id"}, {"field": "hash"}],
                track_total_hits=False,
            )
            for hit in answer["hits"]["hits"]:
                found[hit["fields"]["is_id"][0]] = hit["fields"]["hash"][0]
        return [found.get(id_) for id_ in ids]

    def purge(self, version: Known) -> None:
        """Delete the notes of what was removed."""
        while True:
            self._client.indices.refresh(index=version.name)
            answer = self._client.search(
                index=version.name,
                query=_GONE,
                size=_READ,
                source=False,
                seq_no_primary_term=True,
                track_total_hits=False,
            )
            hits = answer["hits"]["hits"]
            if not hits:
                return
            operations = [
                _operation("delete", hit["_id"], (hit["_seq_no"], hit["_primary_term"]))
                for hit in hits
            ]
            self._bulk.send(version.writing, operations, len(operations))

    def _operations(
        self,
        version: Known,
        documents: Mapping[str, Document],
        found: Mapping[str, _Found],
        wanted: dict[str, Outcome],
    ) -> Iterator[Operation]:
        """Yield what must be done; what must come of each document is put into `wanted`."""
        for id_, document in documents.items():
            old = found.get(id_)
            kept = None if old is None else old.kept
            removed = old.revision if old is not None and kept is None else None
            hash_ = "" if kept is None else document.item.content_hash()
            outcome = judged(document, hash_, kept, removed)
            wanted[id_] = outcome
            if outcome == WRITTEN:
                if document.boost is None:
                    document = replace(document, boost=1.0 if kept is None else kept.boost)
                entry = source(document, version.schema)
                verb = "create" if old is None else "index"
                yield _operation(verb, id_, None if old is None else old.state, entry)
            elif outcome == UNCHANGED and old is not None and document.revision > old.revision:
                entry = {"doc": {"revision": document.revision}}
                yield _operation("update", id_, old.state, entry)

    def _found(self, version: Known, ids: Collection[str]) -> dict[str, _Found]:
        """Return what is stored by now, also where it is not yet visible to queries."""
        every, found = list(ids), {}
        for start in range(0, len(every), _READ):
            answer = self._client.mget(
                index=version.name, ids=every[start : start + _READ], stored_fields=_STATE
            )
            for doc in answer["docs"]:
                if error := doc.get("error"):
                    raise VersionGone(f"no version {version.name!r}: {reason_of(error)}")
                if doc["found"]:
                    found[doc["_id"]] = _entry(doc)
        return found


def _entry(doc: Mapping[str, Any]) -> _Found:
    values = {name: value[0] for name, value in doc.get("fields", {}).items()}
    revision = int(values.get("revision", 0))
    kept = None
    if "hash" in values:
        kept = Kept(values["hash"], float(values["boost"]), revision)
    return _Found(kept, revision, (doc["_seq_no"], doc["_primary_term"]))


def _operation(
    verb: str, id_: str, state: State | None, entry: Mapping[str, Any] | None = None
) -> Operation:
    about: dict[str, Any] = {"_id": id_}
    if state is not None:
        about |= {"if_seq_no": state[0], "if_primary_term": state[1]}
    body = None if entry is None else orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)
    return Operation(id_, orjson.dumps({verb: about}), body)


def _removal(version: Known, id_: str, old: _Found | None, revision: int) -> Operation:
    state = None if old is None else old.state
    if not version.loading:
        return _operation("delete", id_, state)
    return _operation(
        "create" if old is None else "index", id_, state, {"gone": True, "revision": revision}
    )


def _outcome(result: Result | None, wanted: Outcome) -> Outcome:
    if result is None or result.status < 300:
        return wanted
    return Outcome("refused", result.reason)


def _conflicts(result: Result) -> bool:
    """Return whether another process wrote or removed the document since it was read."""
    return result.status in (404, 409)


def _is_ours(document: Document, found: _Found | None) -> bool:
    if found is None or found.kept is None or found.revision != document.revision:
        return False
    same = found.kept.hash == document.item.content_hash()
    return same and document.boost in (None, found.kept.boost)


def can_be_stored(id_: str) -> bool:
    """Return whether an id is one that the server takes."""
    return 0 < len(id_.encode("utf-8", "replace")) <= _LONGEST_ID


def _first(id_: str, outcome: Outcome, again: set[str]) -> Outcome:
    """Return the outcome of an id; once removed, there is nothing to remove."""
    seen = id_ in again
    again.add(id_)
    return UNCHANGED if seen and outcome == WRITTEN else outcome


def _given_up(version: Known, ids: Sequence[str]) -> EngineError:
    return EngineError(
        f"{version.name}: {len(ids)} items, such as {ids[0]!r}, are written by other processes all "
        f"the time: try again"
    )
