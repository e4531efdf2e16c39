"""Several columns become one order."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from search_rerank.errors import BundleError, nearest
from search_rerank.fusion.base import Fusion

FUSIONS = {
    "vote": "search_rerank.fusion.vote:Vote",
    "weighted": "search_rerank.fusion.weighted:Weighted",
    "lambdamart": "search_rerank.fusion.lambdamart:LambdaMart",
    "cascade": "search_rerank.fusion.cascade:Cascade",
}
"""Name to class; imported when asked for, so that a name costs nothing."""


def load_fusion(name: str, folder: Path) -> Fusion:
    """Read a fusion that `Fusion.save` wrote."""
    target = FUSIONS.get(name)
    if target is None:
        raise BundleError(f"unknown fusion {name!r}{nearest(name, FUSIONS)}")
    module, attribute = target.split(":")
    fusion: Fusion = getattr(import_module(module), attribute).load(folder)
    return fusion
