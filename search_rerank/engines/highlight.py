"""Where the words of a query stand in an item's texts, the same on every engine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from search_rerank.data.item import Item
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.cutting import stems
from search_rerank.engines.fields import languages
from search_rerank.languages import Language

FIELDS = ("title", "description")
Spans = Sequence[tuple[int, int]]
_LETTER = r"(?:[^\W_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff][\u0300-\u036f]*)"
_WORD = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def highlights(
    texts: Sequence[str], items: Mapping[str, Item], schema: IndexSchema
) -> dict[str, dict[str, Spans]]:
    """Return where any word of some texts stands in items: id to field to (start, end).

    Parameters
    ----------
    texts
        The text searched and its synonyms.
    items
        By id.
    """
    cut = languages(schema)
    wanted = {
        name: frozenset(word for text in texts for word in stems(text, cut[name]))
        for name in FIELDS
    }
    found: dict[str, dict[str, Spans]] = {}
    for id_, item in items.items():
        whole = {"title": item.title, "description": item.description or ""}
        spans = {name: _spans(whole[name], wanted[name], cut[name]) for name in FIELDS}
        if any(spans.values()):
            found[id_] = {name: some for name, some in spans.items() if some}
    return found


def _spans(text: str, wanted: frozenset[str], language: Language) -> Spans:
    spans: list[tuple[int, int]] = []
    words = list(_WORD.finditer(text))
    for n, word in enumerate(words):
        start, end = word.span()
        hit = any(stem in wanted for stem in stems(word[0], language))
        if language.bigrams and n + 1 < len(words) and words[n + 1].start() == end:
            pair = text[start : words[n + 1].end()]
            if len(pair) == 2 and pair in wanted:  # characters are searched by pairs
                hit, end = True, words[n + 1].end()
        if hit and spans and spans[-1][1] >= start and language.bigrams:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif hit:
            spans.append((start, end))
    return spans
