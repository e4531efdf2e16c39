"""What one shopper did, the only thing a scorer may know of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class History:
    """One shopper's interacted items in time order, oldest first, as seen at a moment.

    Parameters
    ----------
    items
        int32 (n,), item numbers of the catalogue; items it does not hold are left out.
    time_ms
        int64 (n,), unix milliseconds, ascending.
    weight
        float32 (n,), strength of the interaction: the gain of its type.
    in_session
        bool (n,), whether the interaction belongs to the session of the request.
    now_ms
        The moment of the request.
    """

    items: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    weight: NDArray[np.float32]
    in_session: NDArray[np.bool_]
    now_ms: int

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def empty(cls, now_ms: int) -> History:
        """Return the history of a shopper who has just arrived."""
        return cls.of([], now_ms=now_ms)

    @classmethod
    def of(
        cls,
        items: list[int] | NDArray[np.int32],
        now_ms: int = 0,
        time_ms: list[int] | NDArray[np.int64] | None = None,
        weight: list[float] | NDArray[np.float32] | None = None,
        in_session: list[bool] | NDArray[np.bool_] | None = None,
    ) -> History:
        """Build a history from item numbers, oldest first; what is left out is now, 1 and False."""
        n = len(items)
        return cls(
            items=np.asarray(items, dtype=np.int32),
            time_ms=np.full(n, now_ms, np.int64) if time_ms is None else np.asarray(time_ms, "i8"),
            weight=np.ones(n, np.float32) if weight is None else np.asarray(weight, "f4"),
            in_session=np.zeros(n, bool) if in_session is None else np.asarray(in_session, bool),
            now_ms=now_ms,
        )

    def session(self) -> History:
        """Return the interactions of the request's own session."""
        return self.where(self.in_session)

    def where(self, kept: NDArray[np.bool_]) -> History:
        """Return some of the interactions, by a mask (n,)."""
        return History(
            self.items[kept],
            self.time_ms[kept],
            self.weight[kept],
            self.in_session[kept],
            self.now_ms,
        )
