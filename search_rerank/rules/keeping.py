"""Where the rules of a home folder are kept, read and replaced."""

from __future__ import annotations

from pathlib import Path

import orjson

from search_rerank.config import Config
from search_rerank.errors import DataError
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.rule_set import NO_RULES, RuleSet

MAX_BYTES = 10_000_000


def rules_path(config: Config) -> Path:
    """Return the file of the rules: the one that the settings name, or that of the service."""
    return config.rules.file or config.home / "rules.json"


def read_rules(path: Path) -> RuleSet:
    """Return the rules of a file, none where there is no file.

    Raises
    ------
    DataError
        Where the file cannot be read or is not one of rules, naming file, rule and key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return NO_RULES
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: expected at most {MAX_BYTES} bytes of rules, found more")
    try:
        return parse_rules(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
