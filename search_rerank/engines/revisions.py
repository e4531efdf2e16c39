"""The rules by which a document replaces what is stored, the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_rerank.engines import fields
from search_rerank.engines.base import (
    CONFLICT,
    STALE,
    UNCHANGED,
    WRITTEN,
    Document,
    IndexSchema,
    Outcome,
)


@dataclass(frozen=True)
class Kept:
    """What is stored of an item: its content hash, its boost, its revision."""

    hash: str
    boost: float
    revision: int


def judged(document: Document, hash_: str, kept: Kept | None, removed: int | None) -> Outcome:
    """Return what must become of a document.

    Parameters
    ----------
    hash_
        Content hash of its item.
    kept
        What is stored of the item.
    removed
        Revision as of which it was removed, where that is remembered.
    """
    # First of all, so that who changes an item at the same time as another reads it again.
    if document.replaces is not None and (kept is None or document.replaces != kept.hash):
        return CONFLICT
    newest = removed if kept is None else kept.revision
    if newest is not None and document.revision < newest:
        return STALE
    if kept is not None and hash_ == kept.hash and document.boost in (None, kept.boost):
        return UNCHANGED
    return WRITTEN


def sorted_out(
    documents: Sequence[Document], schema: IndexSchema
) -> tuple[list[Outcome | None], dict[str, int]]:
    """Return outcomes as far as the documents alone decide, and the place of the last of each id.

    Those have None; of several with one id the last that is not refused counts.
    """
    outcomes: list[Outcome | None] = [None] * len(documents)
    last: dict[str, int] = {}
    for place, document in enumerate(documents):
        reason = fields.refusal(document, schema)
        if reason is not None:
            outcomes[place] = Outcome("refused", reason)
            continue
        if (earlier := last.get(document.item.id)) is not None:
            outcomes[earlier] = STALE
        last[document.item.id] = place
    return outcomes, last
