"""The errors a user can cause, each saying what was expected, what was found and what to do."""

import difflib
from collections.abc import Iterable


class SearchRerankError(Exception):
    """Base of every error whose message is meant for the user; anything else is our bug."""


class ConfigError(SearchRerankError):
    """A configuration file or option is wrong."""


class DataError(SearchRerankError):
    """A catalogue, an event log or a single row of one is wrong."""


class EngineError(SearchRerankError):
    """The engine refused or could not carry out an operation."""


class EngineUnavailable(EngineError):
    """The engine cannot be reached or did not answer in time."""


class BundleError(SearchRerankError):
    """A bundle is missing, damaged, or does not fit the index or the code that loads it."""


class StateError(SearchRerankError):
    """The state cannot be opened, read or written."""


class MissingExtra(SearchRerankError):
    """An optional part was asked for and is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed: "
            f"pip install 'search-rerank[{extra}]'"
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as `` (did you mean 'title'?)`` for a mistyped name, or the known ones."""
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(options)})"
