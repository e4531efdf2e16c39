"""`search-rerank rules`: a file of rules checked, and tried on a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.answer import RuleUse
    from search_rerank.rules.indexed import Indexed
    from search_rerank.rules.rule_set import RuleSet

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def rules() -> None:
    """Check the shop's rules, and see what they would do to a search."""


@rules.command()
@click.argument("file", type=_FILE)
@click.option(
    "--index", is_flag=True, help="Also ask the live index about pinned items and attributes."
)
@click.pass_obj
@click.pass_context
def check(ctx: click.Context, config: Config, file: Path, index: bool) -> None:
    """Say what is wrong with the rules of FILE; exit code 1 where they could not be used."""
    from search_rerank.rules.conflicts import conflicts, told
    from search_rerank.rules.indexed import UNKNOWN
    from search_rerank.rules.keeping import read_rules

    found = read_rules(file)
    indexed = _look_up(config, found) if index else UNKNOWN
    wrong = conflicts(found, _now_ms(config), indexed)
    for one in wrong:
        click.echo(f"{one.level}: {told(one)}")
    on = len(found.in_order)
    click.echo(f"{len(found.rules)} rules, {on} of them enabled, {len(wrong)} conflicts")
    ctx.exit(any(one.level == "error" for one in wrong))


@rules.command("dry-run")
@click.argument("file", type=_FILE, required=False)
@click.option("--query", default="", help="What is searched for; browsing without it.")
@click.option("--user", help="Who asks; a new visitor without it.")
@click.option("--category", help="A category that the search is filtered by.")
@click.option("--size", default=10, show_default=True, type=click.IntRange(1, 100))
@click.pass_obj
def dry_run(
    config: Config, file: Path | None, query: str, user: str | None, category: str | None, size: int
) -> None:
    """Print what the rules of FILE, or those in use, do to a search; nothing is stored."""
    from contextlib import closing

    from search_rerank.evaluation.form import format_table
    from search_rerank.pipeline import Pipeline
    from search_rerank.query import Filters, Query
    from search_rerank.rules.dry_run import compare
    from search_rerank.rules.keeping import read_rules, rules_path
    from search_rerank.rules.rule_set import NO_RULES
    from search_rerank.state.opening import open_state

    found = read_rules(file or rules_path(config))
    filters = Filters({"category": (category,)}) if category else Filters()
    asked = Query(query, user, filters=filters, k=config.retrieval.k, now_ms=_now_ms(config))
    with closing(open_state(config)) as state, closing(Pipeline.open(config, state)) as pipeline:
        before, after = (pipeline.search(asked, rules=one) for one in (NO_RULES, found))
    tried = compare(before, after, size)
    gone = [one for one in tried.moved if one.id not in tried.after]
    here = {hit.id: hit.rules for hit in after.hits}
    was = {hit.id: place for place, hit in enumerate(before.hits, 1)}
    rows = [
        {"place": place, "before": was.get(id_, "-"), "item": id_, "rules": " ".join(here[id_])}
        for place, id_ in enumerate(tried.after, 1)
    ]
    rows += [
        {
            "place": "-" if one.after is None else one.after + 1,
            "before": was[one.id],
            "item": one.id,
            "rules": " ".join(one.rules),
        }
        for one in gone
    ]
    click.echo(format_table(rows) if rows else "nothing matches")
    for use in tried.rules:
        click.echo(_told(use))
    click.echo(f"{tried.total_before} items match without the rules, {tried.total_after} with them")
    for part in tried.degraded:
        click.echo(f"degraded: {part.stage}: {part.reason}")


def _told(use: RuleUse) -> str:
    measured = "".join(
        f", {name} {was:.3f} -> {now:.3f}" for name, (was, now) in use.measured.items()
    )
    return f"{use.kind} {use.id}: {len(use.items)} items{measured}"


def _look_up(config: Config, rules: RuleSet) -> Indexed:
    from contextlib import closing

    from search_rerank.engines import open_engine
    from search_rerank.rules.indexed import look_up

    with closing(open_engine(config)) as engine:
        return look_up(engine, rules)


def _now_ms(config: Config) -> int:
    from time import time

    return int(time() * 1000) + config.service.clock_offset_ms
