"""`search-rerank evaluate --report` on a written shop, and its page in a real Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

import ir_measures
import orjson
import pytest
from ir_measures import nDCG

from tests.spine.world import SMALL, World, run

pytestmark = pytest.mark.slow

FILES = ["importance.csv", "per_query.csv", "qrels.txt", "report.html", "runs", "slices.csv"]


@pytest.fixture(scope="module")
def report(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    settings = {**SMALL, "home": str(world.config.home), "engine": {"index": "demo-corner"}}
    command = ("evaluate", "--data", str(world.data), "--report", str(folder / "report"))
    result = run(settings, folder, *command)
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.output.endswith(f"report written to {folder / 'report' / 'report.html'}\n")
    return folder / "report"


def test_the_report_has_the_table_of_the_terminal(report: Path, world: World) -> None:
    assert sorted(path.name for path in report.iterdir()) == [*FILES, "table.json"]
    rows = orjson.loads((report / "table.json").read_bytes())["rows"]
    for row, shown in zip(rows, world.table["rows"], strict=True):
        row.pop("minus_baseline", None)
        assert row == shown


def test_the_runs_of_a_real_log_give_its_figures(report: Path, world: World) -> None:
    """What was taken below the places kept counts nothing for nDCG@10, here and there."""
    qrels = list(ir_measures.read_trec_qrels(str(report / "qrels.txt")))
    for row in world.table["rows"]:
        run = ir_measures.read_trec_run(str(report / "runs" / f"{row['system']}.run"))
        value = ir_measures.calc_aggregate([nDCG @ 10], qrels, list(run))[nDCG @ 10]
        assert value == pytest.approx(row["nDCG@10"], abs=1e-6)


def test_what_cannot_be_reported_is_refused_before_the_work(world: World, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    settings = {**SMALL, "home": str(tmp_path / "nowhere")}
    command = ("evaluate", "--data", str(world.data), "--report", str(tmp_path))
    result = run(settings, tmp_path, *command)
    assert result.exit_code == 1
    assert "expected an empty folder or an earlier report" in result.output


@pytest.mark.slow
def test_an_unknown_baseline_is_refused_before_the_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search_rerank.training.open_shop", None)  # nothing is to be ranked
    settings = {**SMALL, "home": str(world.config.home), "engine": {"index": "demo-corner"}}
    command = ("evaluate", "--data", str(world.data), "--baseline", "weigthed")
    result = run(settings, tmp_path, *command)
    assert result.exit_code == 1
    assert "unknown system 'weigthed' (did you mean 'weighted'?)" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("command", [("evaluate",), ("experiment", "estimate")])
def test_queries_that_were_learnt_from_are_no_test(
    world: World, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A log that ends earlier is cut earlier, within what the fusions have learnt from."""
    for name in ("catalogue.jsonl", "events.jsonl"):
        lines = (world.data / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines if name == "catalogue.jsonl" else lines[: len(lines) * 9 // 10]
        (tmp_path / name).write_text("".join(kept), encoding="utf-8")
    settings = {**SMALL, "home": str(world.config.home), "engine": {"index": "demo-corner"}}
    result = run(settings, tmp_path, *command, "--data", str(tmp_path))
    assert result.exit_code == 1
    assert "give the log that it was trained on, or a longer one" in result.output


@pytest.mark.slow
def test_a_measure_asked_for_is_a_column(world: World, tmp_path: Path) -> None:
    settings = {**SMALL, "home": str(world.config.home), "engine": {"index": "demo-corner"}}
    table = tmp_path / "table.json"
    command = ("evaluate", "--data", str(world.data), "--json", str(table), "--measure", "P@5")
    assert run(settings, tmp_path, *command).exit_code == 0
    for row, usual in zip(
        orjson.loads(table.read_bytes())["rows"], world.table["rows"], strict=True
    ):
        assert 0 < row.pop("P@5") < row["HR@10"]
        assert row == usual


def test_a_mistyped_measure_is_refused_before_the_work(world: World, tmp_path: Path) -> None:
    settings = {**SMALL, "home": str(tmp_path / "nowhere")}
    result = run(settings, tmp_path, "evaluate", "--data", str(world.data), "--measure", "nDGC@5")
    assert result.exit_code == 1
    assert "unknown measure 'nDGC' (did you mean 'nDCG'?)" in result.output


@pytest.mark.browser
def test_the_page_shows_its_plots_and_fits_a_screen(report: Path, tmp_path: Path) -> None:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium or chromedriver on the PATH: apt-get install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(option)
    options.add_argument(f"--user-data-dir={tmp_path / 'chromium'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        chrome.get((report / "report.html").as_uri())
        assert chrome.get_log("browser") == []  # type: ignore[no-untyped-call]
        assert "ranks better than engine" in chrome.find_element(By.TAG_NAME, "h1").text
        plots = chrome.find_elements(By.TAG_NAME, "svg")
        assert len(plots) >= 4
        assert all(plot.size["height"] > 100 and plot.size["width"] > 300 for plot in plots)
        wide = "return document.documentElement.scrollWidth <= window.innerWidth"
        assert chrome.execute_script(wide)
        for table in chrome.find_elements(By.CSS_SELECTOR, ".wide"):  # no column is out of sight
            assert table.get_property("scrollWidth") <= table.get_property("clientWidth")  # type: ignore[operator]
        chrome.set_window_size(420, 900)
        assert chrome.execute_script(wide)
    finally:
        chrome.quit()
