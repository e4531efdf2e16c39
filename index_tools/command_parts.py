"""What the commands share: the engine for the time of one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search_rerank.config import Config
    from search_rerank.engines.base import Engine


def opened(config: Config) -> closing[Engine]:
    """Open the engine of the settings for the time of a block.

    Without synonyms: a mistake in their file must not stand in the way of a rollback.
    """
    from search_rerank.engines import open_engine

    plain = config.retrieval.model_copy(update={"synonyms": None})
    return closing(open_engine(config.model_copy(update={"retrieval": plain})))
