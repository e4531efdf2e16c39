"""Settings of the sentences that tell a shopper why a product is shown."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from search_rerank.config.section import Section


class ReasonsConfig(Section):
    """The sentences that tell a shopper why a product is shown."""

    language: str = Field("en", min_length=1, max_length=35)
    """Of the sentences, where a request names none."""
    files: dict[str, Path] = {}
    """Language to a file of the shop's own sentences; `en` and `zh` come with the library."""
