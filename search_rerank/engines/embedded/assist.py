"""What helps a shopper who is typing, from the words of one embedded version."""

from __future__ import annotations

from search_rerank.config import RetrievalConfig
from search_rerank.engines import completion, spelling
from search_rerank.engines.base import IndexSchema, Suggestion
from search_rerank.engines.embedded.counting import count_values
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.words import WordIndex
from search_rerank.engines.highlight import Spans, highlights
from search_rerank.engines.synonyms import Synonyms
from search_rerank.engines.words import clean


class Assist:
    """Corrects, completes and highlights."""

    def __init__(
        self,
        words: WordIndex,
        items: ItemFile,
        schema: IndexSchema,
        weights: RetrievalConfig,
        synonyms: Synonyms,
    ) -> None:
        self._words = words
        self._items = items
        self._schema = schema
        self._weights = weights
        self._synonyms = synonyms

    def did_you_mean(self, text: str) -> str | None:
        """Return a text as `Engine.did_you_mean` does."""
        if self._weights.typos == "off":
            return None
        text, meant = clean(text), {}
        kept = self._synonyms.words(text)
        for word in spelling.checked(text):
            if word not in kept and not self._words.knows(word):
                other = spelling.nearest(word, self._words.vocabulary(word[0]))
                if other is not None:
                    meant[word] = other
        return spelling.corrected(text, meant)

    def suggest(self, prefix: str, k: int) -> list[Suggestion]:
        """Return completions as `Engine.suggest` does."""
        whole, last = completion.typed(prefix)
        k = max(1, min(k, completion.MAX_COMPLETIONS))
        if not last:
            return []
        query = self._words.completing(whole, last)
        rows, boosts, _ = self._words.search(query, completion.FETCHED)
        ids = self._items.ids_of(rows.tolist())
        best = sorted(
            (-boost, ids[row])
            for row, boost in zip(rows.tolist(), boosts.tolist(), strict=True)
            if row in ids
        )
        items = filter(None, self._items.items([id_ for _, id_ in best[: 4 * k]]))
        found = completion.titles(((item.id, item.title) for item in items), k)
        for kind in ("brand", "category"):
            counted = count_values(self._words, query, f"is_{kind}", completion.FETCHED)
            found += completion.values(kind, counted, last, k)
        return found

    def highlight(self, text: str, ids: list[str]) -> dict[str, dict[str, Spans]]:
        """Return places as `Engine.highlight` does."""
        items = {item.id: item for item in filter(None, self._items.items(ids))}
        return highlights(self._synonyms.variants(clean(text)), items, self._schema)
