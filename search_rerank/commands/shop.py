"""`search-rerank shop`: write the generated demo shop to a folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Another seed is another shop.")
@click.option("--products", default=3000, show_default=True, help="How many products.")
@click.option("--shoppers", default=1500, show_default=True, help="How many with an account.")
@click.option("--events", default=100_000, show_default=True, help="How many, about.")
def shop(folder: Path, seed: int, products: int, shoppers: int, events: int) -> None:
    """Write the generated demo shop to FOLDER: catalogue, events, and the truth behind them."""
    from search_rerank.data.shop import generate, write_shop

    made = generate(seed=seed, products=products, shoppers=shoppers, events=events)
    write_shop(made, folder)
    click.echo(
        f"{len(made.items):,} products and {len(made.events):,} events in {folder}; "
        "docs/demo-shop.md says how they were made."
    )
