"""A text as words, and a word as the hashed features that stand for it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from zlib import crc32

BUCKETS = 1 << 18
"""Features share this many hash values; two of 100,000 features rarely meet."""
MAX_WORDS = 512
"""Words of a text after these are not read."""
_WORD = re.compile(r"\w{1,40}")
_SIZES = (3, 4)


def words(text: str) -> Counter[str]:
    """Return how often each word occurs, in the order of first occurrence.

    Case and compatibility forms are folded; a run of letters and digits longer than 40 characters
    (a text without spaces) is cut into words of 40.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return Counter(_WORD.findall(folded)[:MAX_WORDS])


def features(word: str) -> list[int]:
    """Return the buckets of the word itself (first) and of its 3- and 4-grams, with its edges."""
    edged = f"<{word}>"
    grams = [edged[i : i + n] for n in _SIZES for i in range(len(edged) - n + 1)]
    return [crc32(part.encode()) % BUCKETS for part in (f"={word}", *grams)]
