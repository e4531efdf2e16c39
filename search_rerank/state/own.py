"""A shopper's own queries, from the interactions that named them."""

from __future__ import annotations

from collections.abc import Sequence

from search_rerank.state.queries import normalise_query


def newest_once(queries: Sequence[str | None]) -> list[str]:
    """Return the queries of interactions, oldest first, in their normal form.

    The newest comes first, each once; interactions without words name none.
    """
    named = (normalise_query(query) for query in reversed(queries) if query is not None)
    return list(dict.fromkeys(query for query in named if query))
