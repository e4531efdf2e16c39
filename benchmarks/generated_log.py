"""A large log in which nothing is to be learnt: only its sizes and shares are like a shop's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

END_MS = 1_760_000_000_000
_DAYS = 365
_DAY_MS = 86_400_000
_AT_ONCE = 100_000
_IN_SESSION = 7
_GAP_MS = 90_000
_PAGE = 20
_TYPES = ("click", "cart", "purchase")
_SHARES = (0.85, 0.1, 0.05)
_ANONYMOUS = 0.1
_ASKED = 0.3
_MASK = (1 << 128) - 1
_ODD = 0x9E3779B97F4A7C15F39CC0605CEDC835


@dataclass(frozen=True)
class Sizes:
    """How large a log is.

    Parameters
    ----------
    events
        Interactions and rankings.
    shoppers, items, queries
        Different ones that there may be; items and queries are drawn by Zipf's law, shoppers alike.
    rankings
        Share of the events that are rankings, of 20 items each.
    short
        Whether shoppers and items are numbered in few characters, as shops do; else all names are
        of 32 hexadecimal digits, as those of events and sessions always are.
    """

    events: int
    shoppers: int = 1_000_000
    items: int = 200_000
    queries: int = 300_000
    rankings: float = 0.02
    short: bool = True


def hex_id(kind: int, number: int) -> str:
    """Return 32 hexadecimal digits, the same for the same kind and number."""
    return f"{((number << 3 | kind) * _ODD) & _MASK:032x}"


class GeneratedLog:
    """Lines of a log in time order, the same for the same seed."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        self.sizes = sizes
        self._rng = np.random.default_rng(seed)
        self.users = _names("u", 1, sizes.shoppers, sizes.short)
        self.items = _names("p", 2, sizes.items, sizes.short)
        self.queries = _texts(sizes.queries, self._rng)
        self._of_item, self._of_query = _zipf(sizes.items), _zipf(len(self.queries))

    def write(self, path: Path) -> None:
        """Write it as JSON lines."""
        with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
            for part in self._parts():
                file.write("".join(part))

    def draw_items(self, n: int, rng: np.random.Generator) -> list[str]:
        """Return n different items, more of the popular ones, as a request has them."""
        drawn = np.searchsorted(self._of_item, rng.random(8 * n))
        return [self.items[number] for number in dict.fromkeys(drawn.tolist())][:n]

    def draw_query(self, rng: np.random.Generator) -> str:
        """Return a query, a popular one more often."""
        return self.queries[int(np.searchsorted(self._of_query, rng.random()))]

    def _parts(self) -> Iterator[Sequence[str]]:
        for begin in range(0, self.sizes.events, _AT_ONCE):
            n = min(_AT_ONCE, self.sizes.events - begin)
            start, end = (
                END_MS - _DAYS * _DAY_MS * (1 - number / self.sizes.events)
                for number in (begin, begin + n)
            )
            yield self._part(begin, n, start, end)

    def _part(self, begin: int, n: int, start: float, end: float) -> list[str]:
        """Return the lines of sessions that begin within a time."""
        rng, sessions = self._rng, n // _IN_SESSION + 1
        visit = np.repeat(np.arange(sessions), _IN_SESSION)[:n]
        gone_by = rng.exponential(_GAP_MS, (sessions, _IN_SESSION)).cumsum(axis=1).ravel()[:n]
        time_ms = np.minimum(rng.uniform(start, end, sessions)[visit] + gone_by, END_MS)
        in_order = np.argsort(time_ms)
        visit, time_ms = visit[in_order], time_ms[in_order]
        whose = rng.integers(0, self.sizes.shoppers, sessions)
        named = rng.random(len(whose)) >= _ANONYMOUS
        item = np.searchsorted(self._of_item, rng.random((n, 1)))[:, 0].tolist()
        query = np.searchsorted(self._of_query, rng.random(n)).tolist()
        asked = (rng.random(n) < _ASKED).tolist()
        is_page = (rng.random(n) < self.sizes.rankings).tolist()
        kind = rng.choice(len(_TYPES), n, p=_SHARES).tolist()
        users = [self.users[number] for number in whose.tolist()]
        lines = []
        for k, (at, one, when) in enumerate(
            zip(visit.tolist(), item, time_ms.astype(np.int64).tolist(), strict=True)
        ):
            who = f'"user":"{users[at]}",' if named[at] else ""
            line = (
                f'"id":"{hex_id(3, begin + k)}","timestamp":{when},{who}'
                f'"session":"{hex_id(4, begin + at)}"'
            )
            if asked[k] or is_page[k]:
                line += f',"query":"{self.queries[query[k]]}"'
            if is_page[k]:
                page = dict.fromkeys(np.searchsorted(self._of_item, rng.random(_PAGE)).tolist())
                ids = '","'.join(self.items[number] for number in page)
                lines.append(f'{{"event":"ranking",{line},"items":["{ids}"]}}\n')
            else:
                done = f'"item":"{self.items[one]}","type":"{_TYPES[kind[k]]}"'
                lines.append(f'{{"event":"interaction",{line},{done}}}\n')
        return lines


def _names(letter: str, kind: int, n: int, short: bool) -> list[str]:
    if short:
        return [f"{letter}{number:06d}" for number in range(n)]
    return [hex_id(kind, number) for number in range(n)]


def _zipf(n: int) -> NDArray[np.float64]:
    shares = np.cumsum(1.0 / np.arange(1, n + 1))
    shares /= shares[-1]
    return shares


def _texts(n: int, rng: np.random.Generator) -> list[str]:
    """Return different texts of one to three made-up words, common words more often."""
    words = [
        "".join(rng.choice(list("bcdfglmnprst")) + rng.choice(list("aeiou")) for _ in range(size))
        for size in rng.integers(2, 5, 20_000).tolist()
    ]
    common = _zipf(len(words))
    texts: dict[str, None] = {}
    while len(texts) < n:
        size = int(rng.integers(1, 4))
        drawn = np.searchsorted(common, rng.random(size)).tolist()
        texts[" ".join(words[number] for number in drawn)] = None
    return list(texts)
