from __future__ import annotations

from pathlib import Path

import pytest

from search_rerank.errors import ConfigError
from search_rerank.evaluation.report.folder import PAGE, TABLE, replaced


def write(folder: Path, word: str, *more: str) -> None:
    with replaced(folder) as aside:
        for name in (PAGE, TABLE, *more):
            (aside / name).write_text(word, encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_appears_when_all_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    with replaced(folder) as aside:
        (aside / PAGE).write_text("x", encoding="utf-8")
        assert not folder.exists()
    assert names(folder) == [PAGE]
    assert names(folder.parent) == ["report"]


def test_an_earlier_report_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    write(tmp_path / "report", "old", "e2e_qrels.txt")
    write(tmp_path / "report", "new")
    assert names(tmp_path / "report") == [PAGE, TABLE]
    assert (tmp_path / "report" / PAGE).read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == ["report"]


def test_a_failure_leaves_the_earlier_report(tmp_path: Path) -> None:
    write(tmp_path / "report", "old")
    with pytest.raises(RuntimeError, match="half way"), replaced(tmp_path / "report") as aside:
        (aside / PAGE).write_text("new", encoding="utf-8")
        raise RuntimeError("half way")
    assert (tmp_path / "report" / PAGE).read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("there", [("thesis.tex",), (PAGE, TABLE, "thesis.tex"), (TABLE,)])
def test_what_is_not_a_report_is_left_alone(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"found {there[-1]}.*name another folder"):
        write(tmp_path, "new")
    assert names(tmp_path) == sorted(there)


def test_an_empty_folder_is_used_and_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", "new")
    assert names(tmp_path / "empty") == [PAGE, TABLE]
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a folder for the report, found the file"):
        write(tmp_path / "file", "new")


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == [PAGE, TABLE]
