"""What the pipeline answers: items in order, and how they came there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from search_rerank.explanation import Explanation, Reason
from search_rerank.query import Statistics

Basis = Literal["history", "session", "segment", "popularity"]
"""From what an answer knew its shopper, the most telling first."""
Team = Literal["a", "b"]
"""Whose choice an item of an interleaved list is: the treatment's or the control's."""


@dataclass(frozen=True)
class Trial:
    """The experiment that an answer is part of, and the variant that ranked it."""

    name: str
    variant: str


@dataclass(frozen=True)
class RuleUse:
    """What one rule of the shop did to an answer.

    Parameters
    ----------
    id, kind
        Of the rule.
    items
        Ids of those that it placed, moved or left out; the engine was not even asked for more.
    measured
        Name to what it measured before and after.
    """

    id: str
    kind: str
    items: tuple[str, ...] = ()
    measured: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: MappingProxyType({})
    )


class Hit(NamedTuple):
    """One item of an answer.

    Parameters
    ----------
    id
        The item's id.
    score
        The fused score; comparable within one answer only.
    engine_rank
        Place in the engine's own order, 0 first.
    lexical, vector
        The engine's word score and cosine; None where there is none.
    features, explanation
        Name to value of every feature, NaN being None, and what was made of them; only where that
        was asked for.
    reason
        A sentence for the shopper, where one was asked for and there is one.
    explored
        Whether it was given its place because it is new.
    team
        Which ranker chose it, in a list that an experiment interleaves; else None.
    rules
        Ids of the rules of the shop that it has its place by, in the order of application.
    rank_before_rules
        Its place without them, 0 first; None where no rule held, or one put it in.
    """

    id: str
    score: float
    engine_rank: int
    lexical: float | None
    vector: float | None
    features: Mapping[str, float | None] | None = None
    explanation: Explanation | None = None
    reason: Reason | None = None
    explored: bool = False
    team: Team | None = None
    rules: tuple[str, ...] = ()
    rank_before_rules: int | None = None


@dataclass(frozen=True)
class Degraded:
    """A stage that gave less than it should have, and why; the answer stands without it."""

    stage: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The reply to one query.

    Parameters
    ----------
    hits
        All candidates in final order, best first.
    total, total_exact, facets, statistics, did_you_mean, searched, relaxed
        As in `Candidates`.
    history
        How many interactions of the shopper were known.
    timings_ms
        Stage to milliseconds: consent, encode, retrieve, state, features, fuse.
    degraded
        Empty when every stage did its work.
    bundle
        Version of the bundle that ranked, None when the engine's order was kept.
    id
        The request's own, which interactions may name as their ranking; None where nobody gave it
        one.
    basis
        From what the shopper was known: `history`, interactions of theirs; `session`, only ones of
        this session; `segment`, none, but what others did where they ask (after the same query,
        in the category filtered by, with the item asked about); `popularity`, nothing but overall
        demand. None where nothing ranked: the order was chosen, or kept as the engine has it.
    trial
        The experiment that it is part of, if any.
    rules
        What each rule of the shop did that held, in the order of application.
    personalised
        Whether anything of the shopper might be known: neither the request nor they forbade it.
    """

    hits: Sequence[Hit]
    total: int
    facets: Mapping[str, Sequence[tuple[str, int]]]
    history: int
    timings_ms: Mapping[str, float]
    degraded: Sequence[Degraded]
    bundle: str | None
    basis: Basis | None = None
    total_exact: bool = True
    statistics: Mapping[str, Statistics] = field(default_factory=lambda: MappingProxyType({}))
    did_you_mean: str | None = None
    searched: str | None = None
    relaxed: tuple[str, ...] = ()
    id: str | None = None
    trial: Trial | None = None
    rules: tuple[RuleUse, ...] = ()
    personalised: bool = False
