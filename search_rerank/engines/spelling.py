"""Which known word is meant by an unknown one, the same rule on every engine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from search_rerank.engines.words import typed_words, words_of

MIN_LETTERS = 4
"""Shorter words are left as they are."""
MAX_CHECKED = 16
"""Of a longer text the first so many words are looked at."""


def allowed(word: str) -> int:
    """Return at what Damerau-Levenshtein distance a word may be meant by this one."""
    return 1 if len(word) < 8 else 2


def checked(text: str) -> list[str]:
    """Return the words of a text that may be mistyped: long enough, of letters, each once."""
    words = [word for word in typed_words(text) if len(word) >= MIN_LETTERS]
    plain = [word for word in dict.fromkeys(words) if not any(c.isdigit() for c in word)]
    return plain[:MAX_CHECKED]


def nearest(word: str, known: Iterable[tuple[str, int]]) -> str | None:
    """Return the word that is meant: the nearest, then the most frequent, then by alphabet.

    Parameters
    ----------
    known
        Words that begin alike, each with how many items have it.
    """
    from rapidfuzz.distance import DamerauLevenshtein

    limit, best = allowed(word), None
    for other, count in known:
        if abs(len(other) - len(word)) > limit or other[0] != word[0] or count < 1:
            continue
        distance = DamerauLevenshtein.distance(word, other, score_cutoff=limit)
        if 0 < distance <= limit:
            rank = (distance, -count, other)
            best = rank if best is None else min(best, rank)
    return None if best is None else best[2]


def corrected(text: str, meant: Mapping[str, str], kept: Collection[str] = ()) -> str | None:
    """Return a text with words replaced, as typed otherwise; None where none is.

    Parameters
    ----------
    meant
        Word to the one that is meant.
    kept
        Words that stay as they are: no item has them, but a synonym of theirs is searched.
    """
    meant = {word: other for word, other in meant.items() if word not in kept}
    if not meant:
        return None
    parts, end = [], 0
    for word in words_of(text):
        own = "".join(typed_words(word[0]))
        parts += [text[end : word.start()], meant.get(own, word[0])]
        end = word.end()
    return "".join([*parts, text[end:]])
