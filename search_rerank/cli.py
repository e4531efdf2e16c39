"""The one command, `search-rerank`; sub-commands are loaded only when they are named."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import click

from search_rerank import __version__
from search_rerank.errors import SearchRerankError

_OWN = {
    "shop": ("search_rerank.commands.shop:shop", "Write the generated demo shop to a folder."),
    "train": ("search_rerank.commands.train:train", "Learn from a log and write a bundle."),
    "update": (
        "search_rerank.commands.update:update",
        "Take what happened since the last fit into the live bundle.",
    ),
    "evaluate": (
        "search_rerank.commands.evaluate:evaluate",
        "Print one table on the held-out time.",
    ),
    "check": (
        "search_rerank.commands.check:check",
        "Find features that are served otherwise than trained, or know the future.",
    ),
    "events": (
        "search_rerank.commands.events:events",
        "Give the state events of the past, and write all that it holds.",
    ),
    "experiment": (
        "search_rerank.commands.experiment:experiment",
        "Assign shoppers to variants, and say what an experiment found.",
    ),
    "bundles": (
        "search_rerank.commands.bundles:bundles",
        "List bundles, make one live, roll back, remove old ones.",
    ),
    "key": ("search_rerank.commands.key:key", "Make, list and revoke the service's API keys."),
    "rules": (
        "search_rerank.commands.rules:rules",
        "Check the shop's rules, and see what they would do to a search.",
    ),
    "vectors": (
        "search_rerank.commands.vectors:vectors",
        "Write what a scorer knows of items and shoppers as vectors.",
    ),
}
_HELP = {
    "demo": "Index, train, evaluate and serve a shop, in one go.",
    "index": "Load a catalogue, promote and roll back versions of the index.",
    "serve": "Run the HTTP service under a production server.",
}


class _Commands(click.Group):
    """Names from the table above and from the entry points; help without importing them."""

    def _targets(self) -> dict[str, str]:
        targets = {
            point.name: point.value for point in entry_points(group="search_rerank.commands")
        }
        return targets | {name: target for name, (target, _) in _OWN.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._targets())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        target = self._targets().get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            own = _OWN.get(name)
            text = own[1] if own else _HELP.get(name, "")
            rows.append((name, text))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SearchRerankError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            if error.filename is None:  # not of a file: a broken pipe, which click ends quietly
                raise
            reason = f"{error.filename}: {error.strerror}; check its folder and the permissions"
            raise click.ClickException(reason) from None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with settings; see docs/configuration.md.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done to standard error.")
@click.pass_context
def main(ctx: click.Context, config: Path | None, verbose: bool) -> None:
    """Search that knows the shopper: hybrid retrieval and personalised reranking."""
    from search_rerank.config import load_config

    # Waiting threads that spin make training several times slower where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)
    # The client logs each repeated request with its traceback; the error itself is one line.
    logging.getLogger("elastic_transport").setLevel(logging.INFO if verbose else logging.ERROR)
    ctx.obj = load_config(config)
