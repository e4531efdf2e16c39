"""The page and the files of a small world: they say what was found, and run nothing."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import ir_measures
import numpy as np
import orjson
import pytest
from ir_measures import nDCG

from search_rerank.errors import ConfigError, MissingExtra
from search_rerank.evaluation.evaluated import Evaluated, Evaluation
from search_rerank.evaluation.report import write as room
from search_rerank.evaluation.report.findings import Findings, work_out
from search_rerank.evaluation.report.folder import FILES
from search_rerank.evaluation.report.page import render, verdict
from search_rerank.evaluation.report.write import write_report
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.labels.propensity import Propensities
from search_rerank.training import Shop
from tests.evaluation.report.conftest import GAIN_NAMES, HOSTILE, QUERIES, N

pytestmark = pytest.mark.slow

TITLES = {f"item {n}": f"{HOSTILE} {n}" for n in range(N)}


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, findings: Findings, shop: Shop) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "report"
    write_report(folder, findings, shop.catalogue, TITLES, GAIN_NAMES, {"evaluate": 1.0})
    return folder


@pytest.fixture(scope="module")
def page(report: Path) -> _Elements:
    return _Elements((report / "report.html").read_text(encoding="utf-8"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_titles_and_queries_are_words_and_never_elements(page: _Elements) -> None:
    assert HOSTILE in page.text
    assert "script" not in {tag for tag, _ in page.found}


def test_the_page_fetches_nothing_and_its_links_lead_somewhere(page: _Elements) -> None:
    assert not {"link", "script", "img", "iframe", "object"} & {tag for tag, _ in page.found}
    links = [attrs["href"] or "" for _, attrs in page.found if "href" in attrs]
    ids = [attrs["id"] for _, attrs in page.found if attrs.get("id")]
    assert len(set(ids)) == len(ids)
    assert {link for link in links if not link.startswith("#")} == set()
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    sections = [attrs["id"] for tag, attrs in page.found if tag == "section"]
    assert sections == [
        *("table", "slices", "beyond", "features", "calibration", "places", "examples"),
        *("protocol", "files"),
    ]


def test_the_page_says_who_won(page: _Elements, findings: Findings) -> None:
    heading = next(attrs for tag, attrs in page.found if tag == "h1")
    assert heading["class"] == "better"
    assert "lambdamart ranks better than engine (+" in page.text
    found = findings.main.standing("lambdamart")
    assert f"{found.wins} / {found.losses} / {found.ties}" in page.text
    assert f"{findings.protocol}." in page.text and "corner & co: global time cut" in page.text


def test_the_page_says_how_it_was_chosen(page: _Elements) -> None:
    assert "How lambdamart was chosen" in page.text
    assert "On 1,234 queries" in page.text


def test_places_without_an_estimate_say_why(findings: Findings) -> None:
    why = Propensities("none", (), (), (), (), 1200, "<too few> clicks")
    text = _Elements(render(replace(findings, propensities=why), {}, {})).text
    assert "The 1,200 rankings of the log do not bear an estimate: <too few> clicks." in text


def test_the_verdict_is_worse_or_open_where_it_is(findings: Findings) -> None:
    lost = verdict(findings.main.standing("noise"), findings)
    assert lost[0] == "worse" and lost[1].startswith("noise ranks worse than engine (−")
    unsure = replace(findings.main.standing("noise"), corrected_p=0.05)
    assert verdict(unsure, findings)[0] == "unclear"
    assert "No difference between noise and engine was shown" in verdict(unsure, findings)[1]
    assert verdict(findings.main.standing("engine"), findings)[0] == "unclear"


def test_a_report_without_its_optional_parts(findings: Findings) -> None:
    few = replace(
        findings,
        explanation=None,
        buckets=[],
        propensities=None,
        selection=None,
        slices=[],
        won=[],
        lost=[],
    )
    elements = _Elements(render(few, {}, {}))
    sections = [attrs["id"] for tag, attrs in elements.found if tag == "section"]
    assert sections == ["table", "slices", "beyond", "examples", "protocol", "files"]
    assert "No trait divides these queries." in elements.text


def test_all_files_are_there_and_known(report: Path) -> None:
    there = {path.name for path in report.iterdir()}
    assert there <= FILES
    assert sorted(there) == [
        *("importance.csv", "per_query.csv", "qrels.txt", "report.html", "runs"),
        *("slices.csv", "table.json"),
    ]
    runs = sorted(path.name for path in (report / "runs").iterdir())
    assert runs == ["engine.run", "lambdamart.run", "noise.run"]


def test_the_runs_give_the_figures_of_the_table(report: Path) -> None:
    """All candidates but two fit into the lists kept, and no more is taken than one."""
    qrels = list(ir_measures.read_trec_qrels(str(report / "qrels.txt")))
    table = {
        row["system"]: row for row in orjson.loads((report / "table.json").read_bytes())["rows"]
    }
    for system in ("engine", "noise", "lambdamart"):
        run = list(ir_measures.read_trec_run(str(report / "runs" / f"{system}.run")))
        value = ir_measures.calc_aggregate([nDCG @ 10], qrels, run)[nDCG @ 10]
        assert value == pytest.approx(table[system]["nDCG@10"], abs=1e-6)


def test_the_table_has_the_common_form_and_the_comparison(report: Path, findings: Findings) -> None:
    table = orjson.loads((report / "table.json").read_bytes())
    assert list(table) == ["name", "protocol", "rows", "seconds", "machine"]
    engine, noise, trees = table["rows"]
    assert "minus_baseline" not in engine
    against = trees["minus_baseline"]
    assert against["baseline"] == "engine"
    assert against["mean"] == pytest.approx(trees["nDCG@10"] - engine["nDCG@10"], abs=2e-6)
    assert against["wins"] + against["losses"] + against["ties"] == QUERIES
    assert noise["best_single"] and "p_holm" not in noise


def test_each_query_has_a_line(report: Path, evaluated: Evaluated) -> None:
    lines = rows(report / "per_query.csv")
    assert [line["qid"] for line in lines] == [f"q{n + 1}" for n in range(QUERIES)]
    assert lines[1]["query"] == f"boots {HOSTILE}"
    assert lines[8]["history"] == "1" and lines[8]["searches"] == "8"
    assert lines[0]["time"] == "1970-01-01T00:01:35+00:00"
    values = [float(line["nDCG@10 lambdamart"]) for line in lines]
    np.testing.assert_allclose(values, evaluated.of("lambdamart"), rtol=1e-5)


def test_slices_and_features_as_files(report: Path, findings: Findings) -> None:
    lines = rows(report / "slices.csv")
    assert {line["system"] for line in lines} == {"engine", "noise", "lambdamart"}
    assert {line["by"] for line in lines} >= {"history", "category", "words"}
    tested = [line for line in lines if line["system"] == "lambdamart"]
    for line in tested:
        assert float(line["minus_low"]) <= float(line["minus_engine"]) <= float(line["minus_high"])
        assert float(line["p"]) <= float(line["p_holm"])
    features = rows(report / "importance.csv")
    assert features[0]["feature"] == "query.good"
    assert sum(float(line["gain_share"]) for line in features) == pytest.approx(1, abs=1e-5)


def test_groups_of_features_add_up(findings: Findings) -> None:
    assert findings.explanation is not None
    features, groups = findings.explanation.features, findings.explanation.groups
    assert [name for name, _, _ in groups] == ["query", "score"]
    assert sum(value for *_, value in groups) == pytest.approx(sum(value for *_, value in features))


def test_a_scorer_alone_leaves_it_to_a_fusion(
    shop: Shop, evaluated: Evaluated, trees: LambdaMart
) -> None:
    one = Evaluation({"": evaluated})
    found = work_out(shop, one, {"": {"lambdamart": trees}}, "noise")
    assert found.explanation is not None and found.explanation.of == "lambdamart"
    text = _Elements(render(found, TITLES, GAIN_NAMES)).text
    assert "noise adds nothing up; this is lambdamart" in text
    assert work_out(shop, one, {"": {}}, "noise").explanation is None


def test_examples_are_of_different_texts_and_on_the_right_side(findings: Findings) -> None:
    assert len({one.text for one in findings.won}) == len(findings.won) == 2
    assert all(one.a > one.b for one in findings.won)
    assert all(one.a < one.b for one in findings.lost)


def test_the_same_findings_give_the_same_page(findings: Findings) -> None:
    assert render(findings, TITLES, GAIN_NAMES) == render(findings, TITLES, GAIN_NAMES)


def test_a_system_beside_itself_is_told_to_name_another(
    shop: Shop, evaluated: Evaluated, trees: LambdaMart
) -> None:
    fusions = {"": {"lambdamart": trees}}
    found = work_out(shop, Evaluation({"": evaluated}), fusions, "lambdamart", "lambdamart")
    text = _Elements(render(found, TITLES, GAIN_NAMES)).text
    assert "lambdamart is the baseline itself: name another one." in text
    assert found.counts.ties == QUERIES


def test_one_shopper_shows_nothing(shop: Shop, evaluated: Evaluated, trees: LambdaMart) -> None:
    occasions = [replace(o, query=replace(o.query, user="u1")) for o in evaluated.occasions]
    alone = Evaluation({"": replace(evaluated, occasions=occasions)})
    found = work_out(shop, alone, {"": {"lambdamart": trees}}, "lambdamart")
    assert verdict(found.main.standing("lambdamart"), found)[0] == "unclear"
    assert found.main.standing("lambdamart").detectable is None
    text = _Elements(render(found, TITLES, GAIN_NAMES)).text
    assert f"of {QUERIES} queries of 1 shopper" in text


def test_an_unknown_system_names_the_nearest(shop: Shop, evaluated: Evaluated) -> None:
    with pytest.raises(
        ConfigError, match=re.escape("unknown system 'engin' (did you mean 'engine'")
    ):
        work_out(shop, Evaluation({"": evaluated}), {"": {}}, "lambdamart", "engin")


def test_a_missing_extra_is_named_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "find_spec", lambda name: None if name == "matplotlib" else name)
    with pytest.raises(MissingExtra, match=re.escape("pip install 'search-rerank[report]'")):
        room.check_report(tmp_path)


def test_a_place_that_no_folder_can_have_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"expected a folder to write .* found .*notes"):
        room.check_report(tmp_path / "notes" / "report")
    room.check_report(tmp_path / "new" / "report")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ConfigError, match="may not be written to: name another folder"):
        room.check_report(tmp_path / "new" / "report")
