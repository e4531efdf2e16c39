"""Factors, neighbours and counts are in a bundle; whose they were is not."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.bundle import save_bundle
from search_rerank.config import ScorerConfig
from search_rerank.scorers import SCORERS
from search_rerank.training import make_bundle
from search_rerank.workspace import Workspace
from tests.spine.world import World

NEURAL = {"sequence": {"epochs": 1}, "neural_mf": {"epochs": 1}, "neural_cf": {"epochs": 1}}


def unpacked(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of each file, those of archives taken out of them."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name)
        elif path.is_file():
            yield path.name, path.read_bytes()


def as_stored(name: str) -> tuple[bytes, bytes]:
    """Return a name as text and as numpy writes text of a fixed length."""
    return name.encode(), name.encode("utf-32-le")


@pytest.mark.slow
def test_nothing_of_a_user_is_in_a_bundle(world: World, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    scorers = tuple(ScorerConfig(name=name, options=NEURAL.get(name, {})) for name in SCORERS)
    config = world.config.model_copy(update={"scorers": scorers})
    workspace = Workspace(config)
    with world.engine() as engine, workspace.cache() as cache:
        shop = workspace.shop(world.made.dataset(), engine, cache)
        save_bundle(make_bundle(shop, world.bundle().fusions), tmp_path)
    # that of every scorer, and the one that was trained as a whole
    files = [*unpacked(tmp_path), *unpacked(world.config.home / "bundles")]
    item = as_stored(world.made.items[0].id)
    assert any(name in data for _, data in files for name in item)  # an item would be found
    people = {event.user for event in world.made.events}
    people |= {event.session for event in world.made.events}
    people -= {None}
    assert len(people) > 100
    for name, data in files:
        found = [one for one in people for text in as_stored(str(one)) if text in data]
        assert not found, f"{name} names {found[:3]}"
