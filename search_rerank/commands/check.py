"""`search-rerank check`: whether features are what they should be, served and in training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.skew.compare import Compared

DIFFERS = 1
"""Exit code where features differ."""
_SHOWN_ALONE = 5


@click.command()
@click.option(
    "--log",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the feature log; the one under the home where left out.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Check training on this data for knowledge of the future, instead of the log.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Requests of the log (1000), or occasions of the data (40), spread evenly.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    default=1e-4,
    show_default=True,
    help="Share of the larger value by which two may differ.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write what was found to this file.",
)
@click.pass_context
def check(
    ctx: click.Context,
    log: Path | None,
    data: Path | None,
    sample: int | None,
    tolerance: float,
    json_file: Path | None,
) -> None:
    """Compute features again and name those that differ; exit code 1 if any does.

    Without --data: requests of the feature log (service.feature_log_share) are replayed from the
    state as it was, with the bundle that ranked them. What differs is served otherwise than it is
    trained. With --data: features of the training window are made as training makes them, and from
    a log that ends before each occasion. What differs has seen the future; a feature that alone
    ranks better than the whole model is named, too.
    """
    config: Config = ctx.obj
    if data is None:
        same = _check_log(config, log, sample or 1000, tolerance, json_file)
    else:
        same = _check_training(config, data, sample or 40, tolerance, json_file)
    if not same:
        ctx.exit(DIFFERS)


def _check_log(
    config: Config, folder: Path | None, sample: int, tolerance: float, json_file: Path | None
) -> bool:
    from search_rerank.commands.progress import Bars
    from search_rerank.skew.log import log_folder, read_log
    from search_rerank.skew.served import replay_log
    from search_rerank.state.opening import open_event_log
    from search_rerank.training import spread
    from search_rerank.workspace import Workspace

    workspace = Workspace(config)
    found = list(read_log(folder or log_folder(config)))
    chosen = spread(sorted(found, key=lambda one: one.query.now_ms), sample)
    with open_event_log(config) as state, Bars() as bars:
        skew = replay_log(chosen, workspace.bundle, state, tolerance, bars)
    click.echo(
        f"{skew.compared.requests:,} of {len(found):,} logged requests replayed, "
        f"{skew.compared.rows:,} rows"
    )
    for version, requests in skew.gone.items():
        click.echo(f"bundle {version} is gone: {requests:,} requests left out")
    _print(skew.compared, "logged", "replayed", "are served otherwise than in training")
    _write(json_file, skew.compared, "logged", "replayed", {"gone": skew.gone})
    return skew.compared.same


def _check_training(
    config: Config, data: Path, sample: int, tolerance: float, json_file: Path | None
) -> bool:
    from contextlib import closing

    import numpy as np

    from search_rerank.bundle import load_bundle
    from search_rerank.bundles import live_bundle
    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.skew.alone import MEASURE, alone, implausible, of_model
    from search_rerank.skew.future import look_ahead
    from search_rerank.workspace import Workspace

    workspace = Workspace(config)
    dataset = read_folder(data)
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = workspace.shop(dataset, engine, cache)
        future = look_ahead(shop, sample, tolerance=tolerance, progress=bars)
    click.echo(
        f"{future.compared.requests:,} occasions made twice, {future.compared.rows:,} rows: as "
        "trained, and from a log that ends before the occasion"
    )
    if future.other_candidates:
        click.echo(
            f"{future.other_candidates:,} occasions found other candidates: the retrieval has "
            "seen the future"
        )
    _print(future.compared, "trained", "cut off", "have seen the future")
    live = live_bundle(workspace.bundles)
    bundle = load_bundle(live) if live else None
    model = of_model(future.rows, bundle.ranker, bundle.features) if bundle else None
    singles = alone(future.rows, np.random.default_rng(config.training.seed))
    strange = implausible(singles, model)
    known = "no model to compare with" if model is None else f"the live bundle {model:.4f}"
    click.echo(f"{MEASURE} of single features on the training window ({known}):")
    for one in strange or singles[:_SHOWN_ALONE]:
        mark = "  implausible: does it know what was taken?" if one in strange else ""
        click.echo(f"  {one.name}{' (rising)' if one.rising else ''} {one.ndcg:.4f}{mark}")
    more: dict[str, object] = {
        "other_candidates": future.other_candidates,
        "model": model,
        "alone": {one.name: round(one.ndcg, 6) for one in singles},
        "implausible": [one.name for one in strange],
    }
    _write(json_file, future.compared, "trained", "cut off", more)
    return future.compared.same and not future.other_candidates


def _print(compared: Compared, one: str, other: str, what: str) -> None:
    from search_rerank.evaluation.form import format_table

    for side, names in ((one, compared.only_one), (other, compared.only_other)):
        if names:
            click.echo(f"only {side}: {', '.join(sorted(names))}")
    if compared.differing:
        click.echo(f"features that {what}: {len(compared.differing)}")
        click.echo(format_table(compared.table(one, other)))
    elif compared.same:
        click.echo("no feature differs")


def _write(
    path: Path | None, compared: Compared, one: str, other: str, more: dict[str, object]
) -> None:
    import orjson

    if path is None:
        return
    found = {
        "requests": compared.requests,
        "rows": compared.rows,
        "tolerance": compared.tolerance,
        "differing": compared.differing,
        f"only {one}": sorted(compared.only_one),
        f"only {other}": sorted(compared.only_other),
        **more,
    }
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
