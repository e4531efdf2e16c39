"""How what is typed may go on: the rule by which values complete it, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from search_rerank.engines.base import Suggestion
from search_rerank.engines.cutting import stems
from search_rerank.engines.words import MAX_WORDS, clean
from search_rerank.languages import LANGUAGES

MAX_COMPLETIONS = 50
"""More of a kind are never returned."""
FETCHED = 1_000
"""Values of a field that are looked through, the most frequent."""


def typed(prefix: str) -> tuple[list[str], str]:
    """Return the whole words typed and the beginning of the last; both empty where none is.

    A space at the end does not end the last word: `red ` goes on as `red` does.
    """
    words = _words(clean(prefix))[:MAX_WORDS]
    return (words[:-1], words[-1]) if words else ([], "")


def titles(items: Iterable[tuple[str, str]], k: int) -> list[Suggestion]:
    """Return the first k titles of (id, title), each text once."""
    found: dict[str, Suggestion] = {}
    for id_, title in items:
        found.setdefault(title.casefold(), Suggestion(title, "title", id_))
    return list(found.values())[:k]


def values(kind: str, counted: Sequence[tuple[str, int]], last: str, k: int) -> list[Suggestion]:
    """Return the first k values of a field that hold a word that begins so, as counted."""
    fits = (text for text, _ in counted if any(w.startswith(last) for w in _words(text)))
    made = [Suggestion(text, "brand" if kind == "brand" else "category") for text in fits]
    return made[:k]


def _words(text: str) -> list[str]:
    """Return the words of a text as the field `fields.TYPED` has them."""
    return list(stems(text, LANGUAGES["none"]))
