"""What the pages tell a reader to type is what the code takes."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from search_rerank.cli import main
from search_rerank.config import Config, ScorerConfig, parse_config
from search_rerank.data.event import Interaction, parse_event
from search_rerank.data.item import parse_item
from search_rerank.rules.reading import parse_rule, parse_rules
from search_rerank.scorers import SCORERS, create
from service.schemas import parse_recommend, parse_rerank, parse_search

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("benchmarks/*.md")])
CONFIGURATION = ROOT / "docs" / "configuration.md"


def blocks(kind: str) -> list[Any]:
    """Return the fenced blocks of a kind on all pages, as parameters that name their page."""
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{n}")
        for page in PAGES
        for n, text in enumerate(fenced(page, kind))
    ]


def fenced(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def commands() -> list[Any]:
    """Return every command line of a console block, and every `search-rerank …` in running text."""
    found = []
    for page in PAGES:
        lines = [
            line.removeprefix("$ ")
            for block in fenced(page, "(?:console|bash|sh)")
            for line in block.replace("\\\n", " ").splitlines()
            if line.startswith("$ ")
        ]
        plain = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
        lines += [line for line in re.findall(r"`([^`\n]+)`", plain) if " " in line]
        found += [
            pytest.param(line, id=f"{page.relative_to(ROOT)}-{n}") for n, line in enumerate(lines)
        ]
    return found


COMMANDS = commands()


@pytest.mark.parametrize("text", blocks("toml"))
def test_settings_are_accepted(text: str) -> None:
    config = parse_config(tomllib.loads(text))
    for scorer in config.scorers:
        create(scorer.name, scorer.options)


@pytest.mark.parametrize(
    "line", [one for one in COMMANDS if str(one.values[0]).startswith("search-rerank ")]
)
def test_commands_and_their_options_exist(line: str) -> None:
    words = [word.strip("[]") for word in shlex.split(line, comments=True)[1:] if word.strip("[]…")]
    resolve(main, words)


def resolve(command: click.Command, words: list[str]) -> None:
    """Go through the words as click would, without running anything."""
    options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            name, _, given = word.partition("=")
            if name in ("--help", "-h"):
                continue
            assert name in options, f"{command.name} has no option {name}: {words}"
            option = options[name]
            if isinstance(option, click.Option) and not option.is_flag and not given:
                assert rest, f"{name} needs a value: {words}"
                rest.pop(0)
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"{command.name} has no sub-command {word}: {words}"
            resolve(found, rest)
            return
        else:
            arguments = [one for one in command.params if isinstance(one, click.Argument)]
            assert arguments, f"{command.name} takes no argument such as {word}: {words}"


@pytest.mark.parametrize("line", [one for one in COMMANDS if "make " in str(one.values[0])[:6]])
def test_make_targets_exist(line: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    words = [word for word in shlex.split(line, comments=True)[1:] if "=" not in word]
    assert set(words) <= targets


@pytest.mark.parametrize(
    "line", [one for one in COMMANDS if str(one.values[0]).startswith("curl ")]
)
def test_bodies_of_requests_are_accepted(line: str) -> None:
    words = shlex.split(line, comments=True)
    address = next(word for word in words if "/" in word and "localhost" in word)
    path = "/" + address.split("/", 3 if "://" in address else 1)[-1].partition("?")[0]
    if "-d" not in words:
        return
    body = orjson.loads(words[words.index("-d") + 1])
    if path == "/search":
        parse_search(body)
    elif path == "/recommend":
        parse_recommend(body)
    elif path == "/rerank":
        parse_rerank(body)
    elif path == "/events":
        rows = body if isinstance(body, list) else [body]
        for row in rows:
            given = {"event": "interaction", "id": "x", "timestamp": 0} | row
            assert isinstance(parse_event(given), Interaction)
    elif path == "/items":
        for row in body:
            parse_item(row)
    elif path == "/rules/dry-run":
        parse_search(body["search"])
        parse_rules(body.get("rules", []))
    elif path == "/rules":
        parse_rules(body)
    elif path.startswith("/rules/"):
        parse_rule(body, path.removeprefix("/rules/"))
    elif path.startswith("/items/"):
        whole = {"id": path.removeprefix("/items/"), "title": "x"} | body
        parse_item(whole)
    else:
        pytest.fail(f"no schema is known for {path}")


def test_there_is_something_to_check() -> None:
    lines = [str(one.values[0]) for one in COMMANDS]
    for start in ("search-rerank train", "search-rerank serve", "curl", "make demo"):
        assert any(line.startswith(start) for line in lines), start
    assert len(blocks("toml")) >= 2


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


# docs/configuration.md: every setting, with its default as it would be typed.


def rows(section: str) -> dict[str, str]:
    """Return setting to default of the table under the heading that names a section."""
    text = CONFIGURATION.read_text("utf-8")
    parts = re.split(r"^##+ (.*)$", text, flags=re.M)
    (body,) = [body for head, body in zip(parts[1::2], parts[2::2], strict=True) if section in head]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", body, re.M))


def typed(value: object) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {typed(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if value else "{}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(typed, value)) + "]"
    if isinstance(value, int | float):
        return str(value)
    return f'"{value}"'


SECTIONS = (
    "engine",
    "index",
    "load",
    "retrieval",
    "exploration",
    "encoder",
    "features",
    "labels",
    "training",
    "gate",
    "experiment",
    "reasons",
    "rules",
    "state",
    "service",
    "pages",
    "access",
)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_stands_with_its_default(section: str) -> None:
    model: Any = Config.model_fields[section].annotation
    expected = {
        name: "left out" if field.default is None else f"`{typed(field.default)}`"
        for name, field in model.model_fields.items()
    }
    assert rows(f"`[{section}]`") == expected


def test_the_top_and_the_scorers_stand_with_their_defaults() -> None:
    assert set(Config.model_fields) == {"home", "scorers", *SECTIONS}
    assert rows("At the top") == {"home": f"`{typed(str(Config().home))}`"}
    options = rows("`[[scorers]]`")
    assert ScorerConfig.model_fields["name"].default is PydanticUndefined
    assert options == {"name": "required", "options": "`{}`"}
    named = ", ".join(f"`{scorer.name}`" for scorer in Config().scorers)
    assert named in " ".join(CONFIGURATION.read_text("utf-8").split())


@pytest.mark.parametrize("name", SCORERS)
def test_every_option_of_a_scorer_stands_with_its_default(name: str) -> None:
    expected = {
        option: f"`{typed(dict(value) if isinstance(value, dict) else value)}`"
        for option, value in create(name).options().items()
    }
    assert rows(f"`{name}`") == expected
