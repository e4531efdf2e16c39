"""What the demo calls things and what it may remove; what it shows stands in tests/spine."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_rerank.config import Config, parse_config
from search_rerank.data.dataset import Dataset
from service.demo import _remove_index, _settings


@pytest.mark.parametrize("name", ["corner", "My Shop (2024)", "läden", "x" * 300])
def test_any_folder_of_data_gives_settings_that_can_be_read_again(name: str) -> None:
    made = _settings(Config(), Dataset(name, [], []), "embedded", None, Path("home"), None)
    assert parse_config(made.model_dump(mode="json")).engine.index.startswith("demo-")


def test_the_demo_has_a_state_of_its_own() -> None:
    """It is emptied, which one on a server that others share must not be."""
    shared = parse_config({"state": {"kind": "redis", "retention_days": 9}})
    made = _settings(shared, Dataset("corner", [], []), "embedded", None, Path("home"), None)
    assert (made.state.kind, made.state.retention_days) == ("sqlite", 9)


def test_only_the_index_of_the_demo_is_removed(tmp_path: Path) -> None:
    dataset = Dataset("corner", [], [])
    config = _settings(Config(), dataset, "embedded", None, tmp_path, None)
    own, other = (config.home / "index" / name for name in ("demo-corner", "products"))
    for folder in (own, other):
        folder.mkdir(parents=True)
        (folder / "live.json").touch()
    _remove_index(config)
    assert not own.exists()
    assert (other / "live.json").exists()
    _remove_index(config)
