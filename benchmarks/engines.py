"""The engines that a benchmark compares: the embedded one, and a server where one is named."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from search_rerank.config import Config, EngineConfig, RetrievalConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine

ES_URL = "SEARCH_RERANK_ES_URL"


@contextmanager
def opened(
    home: Path, settings: Mapping[str, Mapping[str, float]]
) -> Iterator[dict[tuple[str, str], Engine]]:
    """Open each engine once per setting for the time of the block.

    Parameters
    ----------
    home
        Folder of the embedded index.
    settings
        Name to the retrieval settings that differ from the defaults.

    Returns
    -------
    (engine's kind, name of the setting) to the engine; all of a kind share one index of a name
    that nobody else has.
    """
    index = f"benchmark-{uuid.uuid4().hex[:10]}"
    kinds = [EngineConfig(kind="embedded", index=index)]
    if url := os.environ.get(ES_URL):
        kinds.append(EngineConfig(kind="elasticsearch", index=index, url=url, timeout_s=60))
    with ExitStack() as stack:
        yield {
            (engine.kind, name): stack.enter_context(
                closing(
                    open_engine(
                        Config(home=home, engine=engine, retrieval=RetrievalConfig(**changed))
                    )
                )
            )
            for engine in kinds
            for name, changed in settings.items()
        }


def forget_searches() -> None:
    """Let the server, if any, forget what searches found: those asked before are new to it."""
    if url := os.environ.get(ES_URL):
        import elasticsearch  # an extra, as for the engine

        with elasticsearch.Elasticsearch(url) as client:
            client.indices.clear_cache(request=True)
