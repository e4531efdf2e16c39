"""The class of a reason why a stage gave less: a few words where `degraded` has a sentence."""

from __future__ import annotations

import re

_ERROR = re.compile(r"[A-Z]\w*")
_CLASSES = {
    name: re.compile(rf"\b({words})\b", re.IGNORECASE)
    for name, words in {
        "late": "late|deadline|in time|timed out|budget",
        "missing": "no bundle|no scorer|has not|gave no",
        "damaged": "damaged",
        "misfit": "encoder|query vector|dimensions?",
        "stale": "stale|last good",
        "load": "load|busy|overloaded|too many",
        "away": "away|reached|circuit|could not",
    }.items()
}
CLASSES = (*_CLASSES, "error", "other")


def reason_class(reason: str) -> str:
    """Return one of `CLASSES`: the name of an error is `error`, what no word tells is `other`."""
    if _ERROR.fullmatch(reason):
        return "error"
    found = (name for name, words in _CLASSES.items() if words.search(reason))
    return next(found, "other")
