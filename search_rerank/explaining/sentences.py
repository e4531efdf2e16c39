"""The sentences of reasons in one language, read from a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from search_rerank.errors import ConfigError, nearest
from search_rerank.explaining.cases import CASES, FALLBACK, Case

LANGUAGES = ("en", "zh")
"""Those that come with the library."""
MAX_CHARACTERS = 300
"""Of a sentence before it is filled in."""
_FACT_CHARACTERS = 60
_NAMED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Sentences:
    """Case to sentence; see `CASES`."""

    of: Mapping[str, str]

    def say(self, cases: Iterable[Case]) -> str:
        """Return the sentence of the first case that has one; the last must.

        A fact is cut at 60 characters.
        """
        case = next((case for case in cases if case.name in self.of), None)
        if case is None:
            raise ConfigError("expected a sentence for one of the cases, found none")
        facts = case.facts
        return _NAMED.sub(lambda match: _cut(facts[match[1]]), self.of[case.name])

    @classmethod
    def read(cls, language: str, path: Path | None = None) -> Self:
        """Read a language's sentences: a shop's own, or those that come with the library.

        Raises
        ------
        ConfigError
            Where the file cannot be read, names a case or a fact that there is not, or lacks a
            fallback.
        """
        where = f"sentences of {language!r}" if path is None else str(path)
        try:
            if path is None:
                own = files("search_rerank.explaining") / "reasons" / f"{language}.toml"
                text = own.read_text(encoding="utf-8")
            else:
                text = path.read_text(encoding="utf-8")
            tables = tomllib.loads(text)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{where}: cannot be read ({error})") from None
        found: dict[str, str] = {}
        for family, table in tables.items():
            if not isinstance(table, dict):
                raise ConfigError(f"{where}: expected a table [{family}], found {table!r:.60}")
            found |= {f"{family}.{name}": text for name, text in table.items()}
        for name, sentence in found.items():
            _check(where, name, sentence)
        missing = [name for name in CASES if name.startswith(FALLBACK) and name not in found]
        if missing:
            raise ConfigError(f"{where}: expected sentences for {', '.join(missing)}, found none")
        return cls(found)


def _check(where: str, name: str, sentence: object) -> None:
    if name not in CASES:
        raise ConfigError(f"{where}: unknown case {name!r}{nearest(name, CASES)}")
    if not isinstance(sentence, str) or not 0 < len(sentence) <= MAX_CHARACTERS:
        raise ConfigError(
            f"{where}: {name}: expected 1 to {MAX_CHARACTERS} characters, found {sentence!r:.60}"
        )
    for fact in _NAMED.findall(sentence):
        if fact not in CASES[name]:
            has = ", ".join(CASES[name]) or "none"
            raise ConfigError(f"{where}: {name}: expected facts {has}, found {{{fact}}}")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _FACT_CHARACTERS else f"{text[: _FACT_CHARACTERS - 1].rstrip()}…"
