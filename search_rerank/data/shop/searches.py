"""When the demo shop's shoppers come and what they type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.shop.brands import BRANDS
from search_rerank.data.shop.catalogue import DAY_MS, Products
from search_rerank.data.shop.shoppers import Shoppers
from search_rerank.data.shop.vocabulary import AUDIENCES, COLOURS, DEPARTMENTS, TYPES

VISITOR_SHARE = 0.07
"""Share of the sessions by visitors without an account."""
SEARCHES = (0.34, 0.26, 0.17, 0.11, 0.07, 0.05)
"""Chances of one to six searches in a session."""
KEEP_NEED = 0.65
"""Chance that the next search of a session is for the same type of product."""
SCOPE = {"type": 0.62, "section": 0.13, "department": 0.25}
"""Chances that the words name the type, its section or its whole department."""
NAME_BRAND, NAME_COLOUR, NAME_AUDIENCE, TYPO = 0.15, 0.12, 0.12, 0.02
"""Chances that a query names a brand, a colour, women or men, and that it is mistyped."""
_WEEK = np.array([1.0, 0.95, 0.95, 1.0, 1.05, 1.25, 1.35])
_HOURS = np.array(
    [2, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 8, 9, 8, 7, 7, 8, 9, 11, 13, 14, 13, 9, 5], dtype=float
)

SECTIONS = tuple(dict.fromkeys(kind.path for kind in TYPES))
SCOPES = (
    *(kind.name for kind in TYPES),
    *(section for _, section in SECTIONS),
    *DEPARTMENTS,
)
"""The words of each scope: the types, then the sections, then the departments."""
SCOPE_KINDS = np.array(
    [
        *np.eye(len(TYPES), dtype=bool),
        *([kind.path == section for kind in TYPES] for section in SECTIONS),
        *([kind.path[0] == department for kind in TYPES] for department in DEPARTMENTS),
    ]
)
"""bool (scopes, types): the types of each scope."""


@dataclass(frozen=True)
class Searches:
    """r searches, those of a session beside each other in time order.

    Parameters
    ----------
    session, who
        int64 (r,), the session, and the row of the shopper or kind of visitor.
    time_ms
        int64 (r,).
    scope, brand, colour, audience
        int64 (r,), what the words name; -1 (0 for the audience) where they do not.
    typo
        bool (r,).
    """

    session: NDArray[np.int64]
    who: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    scope: NDArray[np.int64]
    brand: NDArray[np.int64]
    colour: NDArray[np.int64]
    audience: NDArray[np.int64]
    typo: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.session)

    def words(self) -> NDArray[np.int64]:
        """Return one number for each distinct query, int64 (r,)."""
        key = self.scope * len(AUDIENCES) + self.audience
        key = key * (len(BRANDS) + 1) + self.brand + 1
        return key * (len(COLOURS) + 1) + self.colour + 1


def make_searches(
    rng: np.random.Generator,
    shoppers: Shoppers,
    products: Products,
    n_sessions: int,
    start_ms: int,
    end_ms: int,
) -> Searches:
    """Draw the searches of so many sessions; sessions are in no order of time."""
    who, begin = _sessions(rng, shoppers, n_sessions, start_ms, end_ms)
    lengths = rng.choice(np.arange(1, len(SEARCHES) + 1), size=n_sessions, p=SEARCHES)
    session = np.repeat(np.arange(n_sessions), lengths)
    first = np.zeros(len(session), dtype=bool)
    starts = np.cumsum(lengths) - lengths
    first[starts] = True
    gap = np.where(first, 0, 40_000 + rng.exponential(70_000, len(session)))
    passed = np.cumsum(gap)
    time_ms = begin[session] + (passed - passed[starts][session]).astype(np.int64)
    actor = who[session]
    kind = _gumbel_choice(rng, np.log(shoppers.needs[actor]))
    fresh = first | (rng.random(len(session)) >= KEEP_NEED)
    kind = kind[np.maximum.accumulate(np.where(fresh, np.arange(len(session)), 0))]
    scope = _scopes(rng, kind)
    made_for = np.array([entry.audience for entry in TYPES])
    own_side = np.argmax(shoppers.audience, axis=1)[actor]
    says_side = (rng.random(len(session)) < NAME_AUDIENCE) & made_for[kind]
    return Searches(
        session=session,
        who=actor,
        time_ms=time_ms,
        scope=scope,
        brand=_named(rng, scope, products.kind, products.brand, shoppers.brand, actor, NAME_BRAND),
        colour=_named(
            rng, scope, products.kind, products.colour, shoppers.colour, actor, NAME_COLOUR
        ),
        audience=np.where(says_side, own_side, 0),
        typo=rng.random(len(session)) < TYPO,
    )


def query_text(scope: int, brand: int, colour: int, audience: int) -> str:
    """Return the words of a query, in lower case."""
    parts = [
        BRANDS[brand].name if brand >= 0 else "",
        tuple(COLOURS)[colour] if colour >= 0 else "",
        AUDIENCES[audience],
        SCOPES[scope],
    ]
    return " ".join(part for part in parts if part).lower()


def mistyped(text: str, place: int) -> str:
    """Return the text with two neighbouring characters swapped."""
    at = 1 + place % max(len(text) - 2, 1)
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _sessions(
    rng: np.random.Generator, shoppers: Shoppers, n: int, start_ms: int, end_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return who comes and when each session begins."""
    a = shoppers.accounts
    known = rng.choice(a, size=n, p=shoppers.activity[:a] / shoppers.activity[:a].sum())
    visitor = rng.integers(a, len(shoppers.activity), n)
    who = np.where(rng.random(n) < VISITOR_SHARE, visitor, known)
    hour_ms = DAY_MS // 24
    hours = np.arange((end_ms - start_ms) // hour_ms)
    to_end = hours[::-1]
    # Told from the end, as if it were a Sunday's: a log that ends on another day is the same log.
    weight = _HOURS[23 - to_end % 24] * _WEEK[6 - to_end // 24 % 7]
    share = np.concatenate([[0], np.cumsum(weight) / weight.sum()])
    edges = np.arange(len(share)) * float(hour_ms)
    earliest = np.interp(np.maximum(shoppers.first_ms[who] - start_ms, 0), edges, share)
    when = np.interp(earliest + (1 - earliest) * rng.random(n), share, edges)
    return who, start_ms + when.astype(np.int64)


def _scopes(rng: np.random.Generator, kind: NDArray[np.int64]) -> NDArray[np.int64]:
    section_of = np.array([SECTIONS.index(entry.path) for entry in TYPES])
    department_of = np.array([DEPARTMENTS.index(entry.path[0]) for entry in TYPES])
    which = rng.choice(3, size=len(kind), p=list(SCOPE.values()))
    section = len(TYPES) + section_of[kind]
    department = len(TYPES) + len(SECTIONS) + department_of[kind]
    return np.where(which == 0, kind, np.where(which == 1, section, department))


def _named(
    rng: np.random.Generator,
    scope: NDArray[np.int64],
    kinds: NDArray[np.int32],
    values: NDArray[np.int32],
    taste: NDArray[np.float64],
    who: NDArray[np.int64],
    chance: float,
) -> NDArray[np.int64]:
    """Draw a brand or colour that the scope holds, liked ones more often; -1 where none is said."""
    counts = np.zeros((len(TYPES), taste.shape[1]))
    np.add.at(counts, (kinds, values), 1)
    held = SCOPE_KINDS.astype(float) @ counts
    with np.errstate(divide="ignore"):
        popular = np.log(held)
    named = np.full(len(scope), -1, dtype=np.int64)
    rows = np.flatnonzero((rng.random(len(scope)) < chance) & (held.sum(axis=1) > 0)[scope])
    named[rows] = _gumbel_choice(rng, popular[scope[rows]] + 1.2 * taste[who[rows]])
    return named


def _gumbel_choice(rng: np.random.Generator, log_weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw one column for each row, with chances as exp(log_weight)."""
    return np.asarray(np.argmax(log_weight + rng.gumbel(size=log_weight.shape), axis=1))
