"""`search-rerank key`: API keys of the service."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from search_rerank.config import Config
from search_rerank.keys import SCOPES


@click.group()
def key() -> None:
    """Make, list and revoke the API keys of the service."""


@key.command()
@click.option("--name", required=True, help="Whose key it is, such as shop-web.")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True,
    help="What it may be used for; repeat it for several.",
)  # fmt: skip
@click.option(
    "--per-minute", type=click.IntRange(1), help="Requests a minute; access.per_minute by default."
)
@click.pass_obj
def create(config: Config, name: str, scopes: tuple[str, ...], per_minute: int | None) -> None:
    """Make a key and print it, this once: only a salted hash of it is kept."""
    import time

    from search_rerank.keys import create_key, keys_path

    known = [scope for scope in SCOPES if scope in scopes]
    path = keys_path(config.home)
    made = create_key(path, name, known, time.time_ns() // 1_000_000, per_minute)
    click.echo(made.token)
    click.echo(f"{path} keeps its hash: this is the only time that it is shown", err=True)


@key.command("list")
@click.pass_obj
def list_(config: Config) -> None:
    """List the keys: id, name, scopes, requests a minute, since when."""
    from search_rerank.keys import keys_path, read_keys

    kept = read_keys(keys_path(config.home))
    for one in kept.keys:
        since = datetime.fromtimestamp(one.created_ms / 1000, UTC)
        limit = one.per_minute or config.access.per_minute
        scopes = ",".join(one.scopes)
        click.echo(f"{one.id}  {one.name:<20} {scopes:<20} {limit:>9}  {since:%Y-%m-%d %H:%M}")
    for row in kept.refused:
        click.echo(f"{row.who} lets nobody in: {row.reason}; revoke it, or mend it", err=True)


@key.command()
@click.argument("name")
@click.pass_obj
def revoke(config: Config, name: str) -> None:
    """Forget the key of a NAME or an id; running services let nobody in by it from then on."""
    from search_rerank.keys import keys_path, revoke_key

    revoke_key(keys_path(config.home), name)
    click.echo(f"key {name} is revoked")
