"""`search-rerank vectors`: what a scorer knows of items and shoppers, for a vector index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.bundle import Bundle
    from search_rerank.data.history import History
    from search_rerank.scorers.base import Representation


@click.command()
@click.option("--scorer", required=True, help="Name of a scorer of the bundle that has vectors.")
@click.option("--bundle", "version", help="Version of the bundle; the live one where left out.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the vectors, as safetensors; the ids go to a file of that name and .json.",
)
@click.option("--user", "users", multiple=True, help="A shopper to be written too; repeatable.")
@click.pass_obj
def vectors(
    config: Config, scorer: str, version: str | None, out: Path, users: Sequence[str]
) -> None:
    """Write the vectors of a scorer: of all items that it knows, and of given shoppers.

    The inner product of a shopper's vector and an item's is the item's score. The arrays are
    `items` and `shoppers`, float32, a row each; the JSON file holds their ids in the same order. A
    shopper of whose items the scorer knows none is left out, and named on standard error.
    """
    from contextlib import closing
    from time import time

    import numpy as np
    import orjson

    from search_rerank.arrays import write_tensors
    from search_rerank.features.moment import read_history
    from search_rerank.query import Query
    from search_rerank.state.opening import open_state
    from search_rerank.workspace import Workspace

    workspace = Workspace(config)
    loaded = workspace.bundle(version)
    source = _representation(loaded, scorer)
    found = source.item_vectors()
    known = np.flatnonzero(found.any(axis=1))
    histories: dict[str, History] = {}
    if users:
        settings = loaded.config.training
        with closing(open_state(config)) as state:
            for user in users:
                query = Query("", user, None, now_ms=int(time() * 1000))
                histories[user] = read_history(
                    query, loaded.catalogue, state, settings.gains, settings.history
                )
    rows = {user: source.history_vector(history) for user, history in histories.items()}
    rows = {user: row for user, row in rows.items() if np.isfinite(row).all()}
    if strangers := [user for user in histories if user not in rows]:
        click.echo(f"nothing known of {', '.join(strangers)}: left out", err=True)
    nobody = np.zeros((0, found.shape[1]), dtype=np.float32)
    shoppers = np.stack(list(rows.values())) if rows else nobody
    write_tensors(out, {"items": found[known], "shoppers": shoppers})
    ids = loaded.catalogue.ids
    about = {
        "bundle": loaded.version,
        "scorer": scorer,
        "dim": found.shape[1],
        "items": [ids.id(number) for number in known.tolist()],
        "shoppers": list(rows),
    }
    Path(f"{out}.json").write_bytes(orjson.dumps(about))
    click.echo(
        f"{len(known):,} items and {len(rows):,} shoppers in {found.shape[1]} dimensions: {out}"
    )


def _representation(bundle: Bundle, name: str) -> Representation:
    from search_rerank.errors import BundleError
    from search_rerank.scorers.base import Representation

    able = {scorer.name: scorer for scorer in bundle.scorers if isinstance(scorer, Representation)}
    if name not in able:
        has = ", ".join(able) or "none"
        raise BundleError(
            f"expected a scorer with vectors ({has} in bundle {bundle.version}), found {name!r}: "
            "train with such a scorer, see docs/configuration.md"
        )
    return able[name]
