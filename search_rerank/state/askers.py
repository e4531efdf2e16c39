"""Whether two shoppers asked a query, without their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.state.copies import copied
from search_rerank.state.fading import grown
from search_rerank.state.hashed import Hashed

_MOST = 8
"""Names that are known of one query's shoppers; of more, it is only told that there were two."""

Name = str | int | None
"""A user or a session, as it is or as `short` of its hash."""


class Askers:
    """By what the first few shoppers of each numbered query are known: hashes of their names.

    A name is a user or a session, kept as 32 bits of a keyed hash: too few to tell a name by,
    enough to tell a few apart. Names that came together, or of which one came before, are one
    shopper's: a visitor who then logs in is the same one.

    Parameters
    ----------
    hashed
        Under a key of the state that the askers are of.
    """

    def __init__(self, hashed: Hashed) -> None:
        self._hashed = hashed
        self._names = np.zeros((0, _MOST), dtype=np.uint32)  # (queries, names), 0 for none
        self._whose = np.zeros((0, _MOST), dtype=np.uint8)  # (queries, names)
        self.shared = np.zeros(0, dtype=np.bool_)
        """bool (queries,), whether two shoppers at least asked a query."""
        self.settled = np.zeros(0, dtype=np.bool_)
        """bool (queries,), whether another asker would change nothing."""

    def grow(self, queries: int) -> None:
        """Have room for so many queries at least; nobody asked the new ones yet."""
        self._names = grown(self._names, queries)
        self._whose = grown(self._whose, queries)
        self.shared = grown(self.shared, queries)
        self.settled = grown(self.settled, queries)

    def meet(self, query: int, user: Name, session: Name) -> bool:
        """Note who asked a query; return whether two are known by this, and were not before."""
        known = self._known(user, session)
        held, whose = self._names[query].tolist(), self._whose[query].tolist()
        n = held.index(0) if 0 in held else _MOST
        same = [whose[at] for at in range(n) if held[at] in known]
        who = same[0] if same else max(whose[:n], default=-1) + 1
        new = [name for name in known if name not in held][: _MOST - n]
        self._names[query, n : n + len(new)] = new
        self._whose[query, n : n + len(new)] = who
        became = bool(known) and who > 0 and not same and not self.shared[query]
        self.shared[query] |= became
        self.settled[query] = self.shared[query] and n + len(new) == _MOST
        return became

    def forget(self, query: int, who: Iterable[tuple[Name, Name]]) -> bool:
        """Forget users and sessions; return whether anybody else is known to have asked.

        A query is shared by those that are still known.
        """
        gone = {name for user, session in who for name in self._known(user, session)}
        held = self._names[query]
        left = np.array([name != 0 and name not in gone for name in held.tolist()])
        for column in (self._names, self._whose):
            kept = column[query, left]
            column[query] = 0
            column[query, : len(kept)] = kept
        self.shared[query] &= len(np.unique(self._whose[query, : left.sum()])) > 1
        self.settled[query] = False
        return bool(left.any())

    def renumber(self, kept: NDArray[np.int64]) -> None:
        """Keep some queries, which are numbered from 0 in this order."""
        self.restore(self.arrays(kept))

    def arrays(self, kept: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return what is known of some queries, one row each, and the key."""
        return {
            "key": np.frombuffer(self._hashed.key, dtype=np.uint8),
            "names": copied(self._names, kept),
            "whose": copied(self._whose, kept),
            "shared": copied(self.shared, kept),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `arrays` returned."""
        self._hashed = Hashed(arrays["key"].tobytes())
        self._names, self._whose = arrays["names"], arrays["whose"]
        self.shared = arrays["shared"]
        self.settled = self.shared & (self._names != 0).all(axis=1)

    def _known(self, user: Name, session: Name) -> list[int]:
        """Return the hashes of a user and a session; none of those that are missing."""
        known = []
        if user:
            known.append(user if isinstance(user, int) else short(self._hashed("user", user)))
        if session:
            whole = session if isinstance(session, int) else short(self._hashed("session", session))
            known.append(whole)
        return known


def short(whole: bytes) -> int:
    """Return what is kept of a hash by `Hashed`: 32 bits, never 0."""
    return int.from_bytes(whole[:4]) or 1
