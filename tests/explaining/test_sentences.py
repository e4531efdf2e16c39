"""Sentences for every case, in each language that comes with the library, or a shop's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search_rerank.errors import ConfigError
from search_rerank.explaining.cases import CASES, FALLBACK, Case
from search_rerank.explaining.families import FAMILIES, OTHER, family_of
from search_rerank.explaining.reasoning import CHECKS
from search_rerank.explaining.sentences import LANGUAGES, Sentences
from search_rerank.scorers import SCORERS
from tests.explaining.conftest import Town

FALLBACKS = """
[fallback]
personal = "p"
beside = "b"
query = "q"
shop = "s"
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_has_a_sentence_that_names_its_facts(language: str) -> None:
    found = Sentences.read(language).of
    assert list(found) == list(CASES)
    for case, sentence in found.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(CASES[case])


@pytest.mark.slow
def test_every_feature_that_can_lead_has_a_case_or_a_fallback(town: Town) -> None:
    features = [*town.bundle.features, "cross_encoder", "cascade.before", "cascade.before_place"]
    features += [f"score.{name}{end}" for name in SCORERS for end in ("", "_place")]
    assert OTHER not in {family_of(name) for name in features}
    cases = {name.split(".")[0] for name in CASES}
    without = {family for family in FAMILIES if family not in cases}
    # context, the shopper's usual, and what hands on: a fallback by group is said of these
    assert without == {"taste", "visits", "asked", "details", "order", "other"}
    assert set(CHECKS) == cases - {FALLBACK.removesuffix(".")}


def test_the_first_case_with_a_sentence_is_said(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'[brand]\nknown = "{{brand}}, again"\n{FALLBACKS}', encoding="utf-8")
    said = Sentences.read("own", own)
    both = Case("brand.category", {"brand": "Harrow", "category": "Kettles"})
    known = Case("brand.known", {"brand": "Harrow"})
    assert said.say([both, known, Case("fallback.shop")]) == "Harrow, again"
    assert said.say([both, Case("fallback.shop")]) == "s"


def test_a_long_fact_is_cut(tmp_path: Path) -> None:
    said = Sentences.read("en")
    text = said.say([Case("brand.known", {"brand": "Harrow  and\nSons " * 20})])
    assert text.startswith("Because you looked at Harrow and Sons Harrow") and text.endswith("…")
    assert len(text) <= len("Because you looked at ") + 60


def test_braces_in_a_fact_are_only_text() -> None:
    said = Sentences.read("en")
    assert said.say([Case("brand.known", {"brand": "{brand.__class__}"})]).endswith(
        "looked at {brand.__class__}"
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[brand", "cannot be read"),
        ("brand = 1", r"expected a table \[brand\], found 1"),
        ('[brand]\nknwn = "x"' + FALLBACKS, "unknown case 'brand.knwn'.*brand.known"),
        ('[brand]\nknown = "{price}"' + FALLBACKS, "brand.known: expected facts brand, found"),
        ('[again]\nseen = "{item}"' + FALLBACKS, "again.seen: expected facts none, found"),
        ("[again]\nseen = 7" + FALLBACKS, "again.seen: expected 1 to 300 characters, found 7"),
        (FALLBACKS.replace('query = "q"', ""), "expected sentences for fallback.query, found none"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, text: str, match: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=match):
        Sentences.read("own", own)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere.toml: cannot be read"):
        Sentences.read("own", tmp_path / "nowhere.toml")
