"""What rules would do to an answer, told beside the answer without them."""

from __future__ import annotations

from dataclasses import dataclass

from search_rerank.answer import Answer, Degraded, RuleUse


@dataclass(frozen=True)
class Moved:
    """One item of both answers, or of one.

    Parameters
    ----------
    id
        The item.
    before, after
        Its place, 0 first; None where it is not there.
    rules
        Ids of the rules that it has its place by, or is left out by, as far as they saw it.
    """

    id: str
    before: int | None
    after: int | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class DryRun:
    """Two answers to one request.

    Parameters
    ----------
    before, after
        Items of the first places, in order, without and with the rules.
    moved
        Those whose place changed among them, in the order after, then what is left out.
    total_before, total_after
        How many items match.
    rules
        What each rule did that held.
    degraded
        What went wrong under the rules.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    moved: tuple[Moved, ...]
    total_before: int
    total_after: int
    rules: tuple[RuleUse, ...]
    degraded: tuple[Degraded, ...]


def compare(before: Answer, after: Answer, size: int) -> DryRun:
    """Return what changed among the first places of two answers to one request.

    Parameters
    ----------
    before, after
        Without the rules, and with them.
    size
        How many places count.
    """
    was, now = _places(before), _places(after)
    by: dict[str, tuple[str, ...]] = {hit.id: hit.rules for hit in after.hits}
    for use in after.rules:
        for id_ in use.items:
            if id_ not in now:
                by[id_] = (*by.get(id_, ()), use.id)
    first = [hit.id for hit in after.hits[:size]]
    gone = [hit.id for hit in before.hits[:size] if now.get(hit.id, size) >= size]
    return DryRun(
        before=tuple(hit.id for hit in before.hits[:size]),
        after=tuple(first),
        moved=tuple(
            Moved(id_, was.get(id_), now.get(id_), by.get(id_, ()))
            for id_ in [*first, *gone]
            if was.get(id_) != now.get(id_)
        ),
        total_before=before.total,
        total_after=after.total,
        rules=after.rules,
        degraded=tuple(after.degraded),
    )


def _places(answer: Answer) -> dict[str, int]:
    return {hit.id: place for place, hit in enumerate(answer.hits)}
