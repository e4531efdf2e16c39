"""Log-in: whose a session's doings are, those from before the user was known among them."""

from __future__ import annotations

from bisect import bisect_left


class Claims:
    """Which users claimed sessions, and up to when.

    A claim reaches what its session did under no user since the claim before it. Of successive
    claims by one user only the last is kept: the result is the same, unless one by another user
    from between them comes late, which then reaches back past them.
    """

    def __init__(self) -> None:
        self._by_session: dict[str, list[tuple[int, str]]] = {}

    def claim(self, session: str, time_ms: int, user: str) -> bool:
        """Note a claim; return whether it reaches further than those before."""
        claims = self._by_session.setdefault(session, [])
        place = bisect_left(claims, (time_ms,))
        if place < len(claims) and (claims[place][1] == user or claims[place][0] == time_ms):
            return False
        claims.insert(place, (time_ms, user))
        if place and claims[place - 1][1] == user:
            del claims[place - 1]
        return True

    def owner(self, session: str | None, time_ms: int) -> str | None:
        """Return whose is what a session did at a time under no user, None where it is nobody's."""
        claims = self._by_session.get(session, ()) if session is not None else ()
        place = bisect_left(claims, (time_ms,))
        return claims[place][1] if place < len(claims) else None

    def sessions(self, user: str) -> list[str]:
        """Return the sessions that a user claimed."""
        return [
            session
            for session, claims in self._by_session.items()
            if any(name == user for _, name in claims)
        ]

    def forget(self, user: str) -> None:
        """Drop what a user claimed."""
        for session in self.sessions(user):
            left = [claim for claim in self._by_session[session] if claim[1] != user]
            if left:
                self._by_session[session] = left
            else:
                del self._by_session[session]
