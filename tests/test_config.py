from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from search_rerank.cli import main
from search_rerank.config import load_config
from search_rerank.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"enginee = 3", "unknown key 'enginee' .did you mean 'engine'"),
        (b"[engine]\nkindd = 'x'", "unknown key 'engine.kindd' .did you mean 'kind'"),
        (b"[[scorers]]\nname = 'als'\noptons = {}", "'scorers.0.optons' .did you mean 'options'"),
        (b"[engine]\nindex = '../x'", "engine.index"),
        (b"[retrieval]\nfields = { titel = 3 }", "unknown field 'titel' .did you mean 'title'"),
        (b"[retrieval]\nfields = { title = -3 }", "retrieval.fields.title.*greater than or equal"),
        (b"[index]\nlanguages = { all = 'de' }", "unknown field 'all'"),
        (b"[training]\ngains = { click = -1 }", "training.gains.click.*greater than or equal"),
        (b"[[scorers]]\nname = 'als'\n[[scorers]]\nname = 'als'", "each scorer once, found 'als'"),
        (
            b"[training]\nstages = [{ fusion = 'weighted' }, { fusion = 'vote', size = 1 }]",
            "training.stages.1.size.*greater than or equal to 2",
        ),
        (b"[training]\nseed = -1", "training.seed.*greater than or equal to 0"),
        (b"[training]\nseed = 2147483648", "training.seed.*less than 2147483648"),
        (b"[encoder]\nseed = -1", "encoder.seed.*greater than or equal to 0"),
        (b"home = 'x", "not valid TOML"),
        (b"\xff", "expected UTF-8, found byte 1 wrong"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: bytes, reason: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=f"{path}: .*{reason}"):
        load_config(path)


def test_a_home_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    settings = tmp_path / "shop.toml"
    settings.write_text(f'home = "{tmp_path}/home"')
    catalogue = tmp_path / "catalogue.jsonl"
    catalogue.write_text('{"id": "1", "title": "Cap"}')
    result = CliRunner().invoke(main, ["--config", str(settings), "index", "load", str(catalogue)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path}/home")
    assert "Not a directory" in result.stderr
