"""The command `search-rerank serve`."""

from __future__ import annotations

import click

from search_rerank.config import Config


@click.command()
@click.option("--host", help="Address to listen on; the loopback one by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that answer.")
@click.pass_obj
def serve(config: Config, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve search, events and the shop's page over HTTP until interrupted."""
    from service.runner import run

    given = {"host": host, "port": port, "workers": workers}
    changed = {name: value for name, value in given.items() if value is not None}
    settings = config.service.model_copy(update=changed)
    run(config.model_copy(update={"service": settings}))
