"""Two shops that all tests of the spine share: a small one, and one large enough to have habits."""

from __future__ import annotations

import pytest

from tests.spine.world import SMALL, World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("small")
    return build(folder, SMALL, seed=5, products=300, shoppers=100, events=8_000)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The shop of `make demo`, with its settings; only slow tests ask for it."""
    return build(tmp_path_factory.mktemp("town"), {})
