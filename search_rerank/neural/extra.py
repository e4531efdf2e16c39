"""Whether torch is there, and where it can train; what is known without importing it."""

from __future__ import annotations

from importlib.util import find_spec

from search_rerank.errors import MissingExtra

DEVICES = ("auto", "cpu", "cuda")
"""Where a model is trained; `auto` takes a GPU where there is one."""


def require_torch(what: str) -> None:
    """Refuse to go on without torch.

    Raises
    ------
    MissingExtra
        Naming what needs it and how it is installed.
    """
    if find_spec("torch") is None:
        raise MissingExtra(what, "torch")
