"""`search-rerank evaluate`: one table on the held-out time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config
from search_rerank.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_rerank.bundle import Bundle
    from search_rerank.evaluation.evaluated import Evaluation
    from search_rerank.labels.propensity import Propensities
    from search_rerank.training import Shop


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with catalogue and events, the ones the bundle was trained on.",
)
@click.option("--bundle", help="Version of the bundle to evaluate; the live one where left out.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the table to this file.",
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    help="A measure beside the usual ones, such as AP, P@5 or ERR@10; may be given repeatedly.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of rules of the shop: the engine and each fusion have a second row, with them.",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write a page with plots, and files for programs, to this folder.",
)
@click.option(
    "--baseline",
    default="engine",
    show_default=True,
    help="The system of the table that the report compares with.",
)
@click.pass_obj
def evaluate(
    config: Config,
    data: Path,
    bundle: str | None,
    json_file: Path | None,
    measures: tuple[str, ...],
    rules: Path | None,
    report: Path | None,
    baseline: str,
) -> None:
    """Print one table on the held-out time: engine, every scorer alone, every fusion.

    The bundle's fusions have learnt from what lies before the cut; the scorers are fitted again on
    just that, and the queries after the cut are ranked.
    """
    from contextlib import closing
    from time import perf_counter

    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.evaluation.evaluate import evaluate as measure
    from search_rerank.evaluation.evaluate import protocol
    from search_rerank.evaluation.form import format_table, write_json
    from search_rerank.evaluation.measures import parse_measure
    from search_rerank.evaluation.report.write import check_report
    from search_rerank.rules.keeping import read_rules
    from search_rerank.workspace import Workspace

    ruled = None if rules is None else read_rules(rules)
    start = perf_counter()
    asked = [parse_measure(name) for name in measures]
    if report is not None:
        check_report(report)
    workspace = Workspace(config)
    loaded = workspace.bundle(bundle)
    systems = ["engine", *(one.name for one in loaded.config.scorers), *loaded.serving]
    if baseline not in systems:
        raise ConfigError(f"unknown system {baseline!r}{nearest(baseline, systems)}")
    dataset = read_folder(data)
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = workspace.shop_of(loaded, dataset, engine, cache)
        evaluation = measure(shop, loaded.fusions, bars, measures=asked, rules=ruled)
    rows = evaluation.rows()
    click.echo(protocol(shop))
    click.echo(format_table(rows))
    seconds = {"evaluate": perf_counter() - start}
    if json_file is not None:
        write_json(json_file, dataset.name, protocol(shop), rows, seconds)
    if report is not None:
        _report(report, shop, evaluation, loaded, baseline, seconds)
        click.echo(f"report written to {report / 'report.html'}")


def _report(
    folder: Path,
    shop: Shop,
    evaluation: Evaluation,
    bundle: Bundle,
    baseline: str,
    seconds: Mapping[str, float],
) -> None:
    from search_rerank.evaluation.report.findings import work_out
    from search_rerank.evaluation.report.write import write_report

    findings = work_out(
        shop,
        evaluation,
        bundle.fusions,
        bundle.ranker.name,
        baseline,
        bundle.propensities or _looked_at(shop),
        bundle.selection,
    )
    titles = {item.id: item.title for item in shop.dataset.items}
    gain_names = {gain: kind for kind, gain in shop.config.training.gains.items()}
    write_report(folder, findings, shop.catalogue, titles, gain_names, seconds)


def _looked_at(shop: Shop) -> Propensities | None:
    """Estimate how far shoppers look from what the log held before the cut; None without rankings.

    A bundle that was not corrected for position bias says nothing of it.
    """
    import numpy as np

    from search_rerank.labels.propensity import estimate
    from search_rerank.training import cuts

    config = shop.config
    end_ms = cuts(shop.events, config.training).test
    rng = np.random.default_rng(config.training.seed)
    found = estimate(shop.events, config.labels, config.training.gains, end_ms, rng)
    return found if found.rankings else None
