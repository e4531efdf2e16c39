"""The class of a reason why a stage gave less: one word of few where `degraded` may have a text."""

from __future__ import annotations

import re

_WORDS = ("late", "busy", "resting", "shed", "stale", "away", "missing", "misfit", "damaged")
_ERROR = re.compile(r"[A-Z]\w*")
_TOLD = {
    "damaged": re.compile(r"\bdamaged\b"),
    "misfit": re.compile(r"\b(encoder|query vector|dimensions)\b"),
    "missing": re.compile(r"\b(no bundle|no scorer|has not|gave no)\b"),
}
CLASSES = (*_WORDS, "error", "other")


def reason_class(reason: str) -> str:
    """Return one of `CLASSES`: the name of an error is `error`, what no word tells is `other`."""
    if reason in _WORDS:
        return reason
    if _ERROR.fullmatch(reason):
        return "error"
    found = (name for name, words in _TOLD.items() if words.search(reason))
    return next(found, "other")
