"""The rules on the page of rules are rules, and without a conflict."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from search_rerank.rules.conflicts import conflicts
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rule_set import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_rules(text: str) -> None:
    assert conflicts(parse_rules(orjson.loads(text))) == []


def test_every_kind_has_its_fields_with_their_defaults() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| [a-z].*\|$", PAGE, re.M))
    del rows["kind"]  # the head of the table
    assert rows.keys() == KINDS.keys()
    shared = {"id", "kind", "when", "priority", "enabled", "note"}
    for kind, fields in rows.items():
        own = KINDS[kind].model_fields
        assert re.findall(r"`(\w+)`(?:,|$|:| \()", fields) == [n for n in own if n not in shared]
        for name, default in re.findall(r"`(\w+)` \(`?(\w+)`?\)", fields):
            assert str(own[name].default) == default, (kind, name)
