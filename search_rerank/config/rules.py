"""Settings of the shop's rules."""

from __future__ import annotations

from pathlib import Path

from search_rerank.config.section import Section


class RulesConfig(Section):
    """Where the rules come from."""

    file: Path | None = None
    """A file of rules, which the service reads and never writes; left out, they are kept in
    `rules.json` in `home`, where `PUT /rules` stores them."""
