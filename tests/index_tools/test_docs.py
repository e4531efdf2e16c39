import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from index_tools.cli import index

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "index-tools.md").read_text(encoding="utf-8")


def test_the_python_example_runs(
    catalogue: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue()
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "index-tools.md", "exec"), {})


def test_every_command_and_option_is_described() -> None:
    for name, command in index.commands.items():
        assert f"index {name}" in PAGE
        for option in command.params:
            if option.opts[0].startswith("--"):
                assert option.opts[0] in PAGE, f"{name} {option.opts[0]}"
    assert CliRunner().invoke(index, ["load", "--nonsense"]).exit_code == 2
