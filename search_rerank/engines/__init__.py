"""Where items are indexed and retrieved: one contract, one sub-package per engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_rerank.errors import MissingExtra

if TYPE_CHECKING:
    from search_rerank.config import Config
    from search_rerank.engines.base import Engine


def open_engine(config: Config) -> Engine:
    """Return the engine a configuration names, ready for use.

    Raises
    ------
    MissingExtra
        When Elasticsearch is asked for and its client is not installed.
    EngineUnavailable
        When Elasticsearch does not answer at its address.
    """
    above = config.index.quantise_above
    if config.engine.kind == "embedded":
        from search_rerank.engines.embedded import EmbeddedEngine

        return EmbeddedEngine(config.home, config.engine, config.retrieval, above)
    try:
        from search_rerank.engines.elasticsearch import ElasticsearchEngine
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in (
            "elasticsearch",
            "elastic_transport",
        ):
            raise
        raise MissingExtra("the Elasticsearch engine", "elasticsearch") from None
    return ElasticsearchEngine(config.engine, config.retrieval, config.load, above)
