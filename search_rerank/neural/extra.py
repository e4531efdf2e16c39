"""Whether torch is there; asked before anything of this room that needs it is imported."""

from __future__ import annotations

from importlib.util import find_spec

from search_rerank.errors import MissingExtra


def require_torch(what: str) -> None:
    """Refuse to go on without torch.

    Raises
    ------
    MissingExtra
        Naming what needs it and how it is installed.
    """
    if find_spec("torch") is None:
        raise MissingExtra(what, "torch")
