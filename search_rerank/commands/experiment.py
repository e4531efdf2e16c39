"""`search-rerank experiment`: who sees what, and what an experiment found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.experiments.analysis import Effect
    from search_rerank.experiments.assignment import Experiment


@click.group()
def experiment() -> None:
    """Assign shoppers to variants, and say what an experiment found."""


_name = click.option("--name", required=True, help="What the experiment is called.")
_variants = click.option(
    "--variant",
    "variants",
    multiple=True,
    required=True,
    metavar="NAME=SHARE",
    help="A variant and its share of the shoppers; the first is the control. Repeatable.",
)
_salt = click.option("--salt", default="", help="Another one parts the shoppers anew.")
_log = click.option(
    "--log",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder of data, or a file of events: rankings and interactions.",
)
_json = click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the table to this file.",
)


@experiment.command()
@_name
@_variants
@_salt
@click.argument("shoppers", nargs=-1)
def assign(name: str, variants: Sequence[str], salt: str, shoppers: Sequence[str]) -> None:
    """Print the variant of each of SHOPPERS, or of each line of standard input.

    A tab parts the two; who is not in the experiment has a dash. The answer depends on the name,
    the salt and the shares only, so that a shop may ask on every page, anywhere.
    """
    asked = _experiment(name, variants, salt)
    lines = (line.rstrip("\r\n") for line in sys.stdin)
    for shopper in shoppers or lines:
        click.echo(f"{shopper}\t{asked.variant(shopper) or '-'}")


@experiment.command()
@_name
@_variants
@_salt
@_log
@click.option("--since", help="Count from this time on: ISO 8601 or unix milliseconds.")
@click.option("--until", help="Count what was before this time, likewise.")
@_json
def analyse(
    name: str,
    variants: Sequence[str],
    salt: str,
    log: Path,
    since: str | None,
    until: str | None,
    json_file: Path | None,
) -> None:
    """Print what an A/B test found.

    Who saw which variant is computed again from the shoppers' ids. Shoppers who were shown a
    ranking count, with all that they did from it on.
    """
    from time import perf_counter

    from search_rerank.commands.reading import read_log
    from search_rerank.evaluation.form import format_table, write_json
    from search_rerank.experiments.analysis import MISMATCH
    from search_rerank.experiments.outcomes import analyse as compare
    from search_rerank.experiments.outcomes import count

    begun = perf_counter()
    asked = _experiment(name, variants, salt)
    if len(asked.shares) < 2:
        raise click.BadParameter(
            f"--variant: expected two or more to compare, found {list(variants)}"
        )
    events = read_log(log).events
    result = compare(count(events, _time(since, "--since"), _time(until, "--until")), asked)
    rows = [
        {"system": f"{one.treatment} - {one.control}", "measure": measure} | _effect(effect)
        for one in result.comparisons
        for measure, effect in one.effects.items()
    ]
    seen = ", ".join(f"{variant} {n:,}" for variant, n in result.shoppers.items())
    protocol = f"experiment {name}: shoppers {seen}; numbers as expected: p = {result.mismatch:.4f}"
    click.echo(protocol)
    if result.mismatch < MISMATCH:
        click.echo(
            "The numbers of shoppers are not those of the shares: something keeps shoppers out of "
            "a variant, and no difference below is to be believed.",
            err=True,
        )
    click.echo(format_table(rows))
    if json_file is not None:
        write_json(json_file, name, protocol, rows, {"analyse": perf_counter() - begun})


@experiment.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with catalogue and events, the ones the bundle was trained on.",
)
@click.option("--bundle", help="Version of the bundle; the live one where left out.")
@click.option(
    "--rankings",
    type=click.IntRange(min=2),
    default=5000,
    show_default=True,
    help="How many are ordered anew.",
)
@_json
@click.pass_obj
def estimate(
    config: Config, data: Path, bundle: str | None, rankings: int, json_file: Path | None
) -> None:
    """Print what each fusion of a bundle would have been worth on the log's rankings.

    Pages shown after the test cut are ordered anew, and clicks are weighed by how often places are
    looked at, estimated from the rankings before it. Nobody sees anything: see docs/experiments.md.
    """
    from contextlib import closing
    from time import perf_counter

    import numpy as np

    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.evaluation.counterfactual import estimates, rank_pages
    from search_rerank.evaluation.form import format_table, write_json
    from search_rerank.labels.propensity import estimate as estimate_propensities
    from search_rerank.training import cuts
    from search_rerank.workspace import Workspace

    begun = perf_counter()
    workspace = Workspace(config)
    loaded = workspace.bundle(bundle)
    training = loaded.config.training
    rng = np.random.default_rng(training.seed)
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = workspace.shop_of(loaded, read_folder(data), engine, cache)
        end_ms = cuts(shop.events, training).test
        seen = estimate_propensities(shop.events, loaded.config.labels, training.gains, end_ms, rng)
        if seen.method == "none":
            raise click.ClickException(f"{seen.line()}: the log cannot tell of other orders")
        pages = rank_pages(shop, loaded.serving, rankings, bars)
    rows = estimates(pages, seen)
    protocol = (
        f"{shop.dataset.name}: {len(pages.logged):,} shown pages after the test cut, ordered anew; "
        f"clicks a ranking, gained over what was shown; {seen.line()}"
    )
    click.echo(protocol)
    click.echo(format_table([{k: v for k, v in row.items() if k != "warnings"} for row in rows]))
    for row in rows:
        for warning in row["warnings"]:
            click.echo(f"{row['system']}: {warning}", err=True)
    if json_file is not None:
        write_json(json_file, "counterfactual", protocol, rows, {"all": perf_counter() - begun})


@experiment.command()
@_log
@click.option(
    "--teams",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON lines {"ranking": id, "teams": ["a", "b", null, …]}, in the order of the items.',
)
@click.option("--type", "kind", default="click", show_default=True, help="What counts.")
@_json
def interleaved(log: Path, teams: Path, kind: str, json_file: Path | None) -> None:
    """Print which of two interleaved rankers the shoppers took items of."""
    from time import perf_counter

    import numpy as np

    from search_rerank.commands.reading import read_log
    from search_rerank.evaluation.form import format_table, write_json
    from search_rerank.experiments.preference import prefer
    from search_rerank.experiments.teams import credits, read_teams

    begun = perf_counter()
    credit, shoppers = credits(read_log(log).events, read_teams(teams), kind)
    found = prefer(credit, np.array(shoppers))
    row = {
        "system": "a - b",
        "margin": found.margin.value,
        "ci95": (found.margin.low, found.margin.high),
        "p_value": found.p,
        "p_sign": found.p_sign,
        "wins_a": found.wins_a,
        "wins_b": found.wins_b,
        "ties": found.ties,
    }
    n = len(set(shoppers))
    protocol = (
        f"interleaving: {len(credit):,} rankings of {n:,} shoppers; margin: {kind}s a ranking"
    )
    click.echo(protocol)
    click.echo(format_table([row]))
    if json_file is not None:
        write_json(json_file, "interleaved", protocol, [row], {"all": perf_counter() - begun})


def _experiment(name: str, variants: Sequence[str], salt: str) -> Experiment:
    from search_rerank.experiments.assignment import Experiment

    shares: dict[str, float] = {}
    for text in variants:
        variant, _, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = float("nan")
        if not variant or variant in shares or number != number:
            raise click.BadParameter(
                f"expected NAME=SHARE, each name once, such as control=0.5, found {text!r}"
            )
        shares[variant] = number
    return Experiment(name, shares, salt)


def _time(text: str | None, option: str) -> int | None:
    from search_rerank.data.event import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text)
    except ValueError as error:
        raise click.BadParameter(f"{option}: {error}, found {text!r}") from None


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "control": effect.control,
        "treatment": effect.treatment,
        "difference": effect.difference.value,
        "ci95": (effect.difference.low, effect.difference.high),
        "p_value": effect.p,
        "relative": effect.relative,
    }
