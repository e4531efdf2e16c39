"""The gate over real bundles: equal ones pass, worse, slow and large ones are refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from search_rerank.bundle import Bundle
from search_rerank.bundles import live_bundle
from search_rerank.config import ScorerConfig
from search_rerank.errors import BundleError
from search_rerank.features.table import FeatureTable
from search_rerank.gate import quality
from search_rerank.gate.decision import Decision
from search_rerank.gate.gate import decide
from search_rerank.training import Shop, make_bundle
from search_rerank.training import train as learn
from search_rerank.workspace import Workspace
from tests.gate.conftest import SETTINGS, Trained
from tests.spine.world import run

pytestmark = pytest.mark.slow


def clock(step_s: float) -> Any:
    """Return a clock on which each reading is so much later than the one before."""
    times = iter(np.arange(0.0, 1e6, step_s))
    return lambda: float(next(times))


def by(decision: Decision) -> dict[str, Any]:
    return {one.what: one for one in decision.findings}


class _Upside:
    """Ranks as another fusion does, worst first."""

    def __init__(self, fusion: Any) -> None:
        self._fusion = fusion

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        return -np.asarray(self._fusion.fuse(table))


def upside_down(bundle: Bundle) -> Bundle:
    fusions: Any = {
        prefix: {name: _Upside(fusion) for name, fusion in task.items()}
        for prefix, task in bundle.fusions.items()
    }
    return replace(bundle, fusions=fusions)


def test_the_same_bundle_passes_and_the_figures_are_there(
    trained: Trained, shop: Shop, tmp_path: Path
) -> None:
    bundle = trained.bundle()
    decision = decide(shop, bundle, bundle, tmp_path, clock=clock(0.004))
    found = by(decision)
    assert decision.passed and decision.live == bundle.version
    assert "the lists are the same" in found["quality"].reason
    assert found["latency"].figures == {"p50_ms": pytest.approx(4), "requests": 57}
    live = live_bundle(Workspace(trained.config).bundles)
    assert live is not None
    size = sum(file.stat().st_size for file in live.rglob("*") if file.is_file())
    assert found["size"].figures["mb"] == pytest.approx(size / 1e6, rel=0.01)
    assert list(tmp_path.iterdir()) == []


def test_the_values_are_those_of_each_bundle_s_own_fusion(
    trained: Trained, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = trained.bundle()
    seen: list[quality.HeldOut] = []
    judge = quality.judge

    def watched(held_out: quality.HeldOut, *more: Any) -> Any:
        seen.append(held_out)
        return judge(held_out, *more)

    monkeypatch.setattr("search_rerank.gate.gate.judge", watched)
    worse = decide(shop, upside_down_saved(bundle), bundle, tmp_path)
    better = decide(shop, bundle, upside_down(bundle), tmp_path)
    assert not worse.passed and better.passed
    np.testing.assert_array_equal(seen[0].new, seen[1].live)
    np.testing.assert_array_equal(seen[0].live, seen[1].new)
    assert by(worse)["quality"].figures["difference"] < -0.1
    assert "it loses more than the margin" in by(worse)["quality"].reason


def upside_down_saved(bundle: Bundle) -> Bundle:
    """Return a bundle that ranks upside down, and can be written to be weighed."""
    worse = upside_down(bundle)
    for task in bundle.fusions:
        for name, fusion in bundle.fusions[task].items():
            worse.fusions[task][name].save = fusion.save  # type: ignore[method-assign]
    return worse


def test_a_live_bundle_that_is_set_up_otherwise_ranks_by_its_own_features(
    trained: Trained, shop: Shop, tmp_path: Path
) -> None:
    """What is compared is what each would show, not what one would show with the other's data."""
    live = trained.bundle()
    changed = shop.config.model_copy(update={"scorers": (ScorerConfig(name="popularity"),)})
    fewer = replace(shop, config=changed)
    new = make_bundle(fewer, learn(fewer))
    assert tuple(new.features) != tuple(live.features)
    apart = by(decide(fewer, new, live, tmp_path))["quality"].figures
    alike = by(decide(shop, live, live, tmp_path))["quality"].figures
    assert apart["live"] == pytest.approx(alike["live"], abs=1e-9)
    assert apart["new"] != apart["live"] and apart["queries"] == alike["queries"]


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        (None, "no live bundle to compare with"),
        (BundleError("b1: damaged"), "the live bundle cannot rank any more: b1: damaged"),
    ],
)
def test_without_a_live_bundle_that_ranks_only_the_budgets_count(
    trained: Trained, shop: Shop, tmp_path: Path, live: Any, reason: str
) -> None:
    decision = decide(shop, trained.bundle(), live, tmp_path, clock=clock(0.001))
    assert decision.passed and decision.live is None
    assert reason in by(decision)["quality"].reason


def test_a_live_bundle_with_features_nobody_computes_any_more_is_no_rival(
    trained: Trained, shop: Shop, tmp_path: Path
) -> None:
    bundle = trained.bundle()
    old = replace(bundle, features=[*bundle.features, "item.long_gone"])
    found = by(decide(shop, bundle, old, tmp_path))["quality"]
    assert found.passed
    assert "cannot rank any more" in found.reason and "item.long_gone" in found.reason


def test_a_live_bundle_that_has_learnt_after_the_cut_is_told(
    trained: Trained, shop: Shop, tmp_path: Path
) -> None:
    bundle = trained.bundle()
    assert bundle.learnt is not None and bundle.learnt.fusions_until_ms is not None
    later = replace(bundle.learnt, fusions_until_ms=bundle.learnt.fusions_until_ms + 1)
    told = "learnt from queries after this cut, which favours it"
    for learnt, favoured in ((bundle.learnt, False), (later, True)):
        found = by(decide(shop, bundle, replace(bundle, learnt=learnt), tmp_path))["quality"]
        assert (told in found.reason) is favoured


def test_a_slow_bundle_is_refused(trained: Trained, shop: Shop, tmp_path: Path) -> None:
    decision = decide(shop, trained.bundle(), None, tmp_path, clock=clock(0.051))
    assert not decision.passed
    reason = by(decision)["latency"].reason
    assert "51.00 ms at the median of 57 requests, above the 50 ms" in reason
    assert "size of training.stages" in reason


def test_a_large_bundle_is_refused(trained: Trained, shop: Shop, tmp_path: Path) -> None:
    gate = shop.config.gate.model_copy(update={"size_mb": 0.001})
    tight = replace(shop, config=shop.config.model_copy(update={"gate": gate}))
    decision = decide(tight, trained.bundle(), None, tmp_path)
    assert not by(decision)["size"].passed
    assert "above the 0.001 MB of gate.size_mb" in by(decision)["size"].reason


# The command.


def test_the_first_bundle_goes_live(trained: Trained) -> None:
    assert "gate: quality passed: there is no live bundle to compare with" in trained.output
    assert re.search(r"bundle \w+ written to \S+, live", trained.output)


def test_a_refused_bundle_is_kept_and_the_live_one_stays(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training on labels turned round gives a bundle that the gate must not let through."""
    from search_rerank import training

    fit = training.fit_on_labels

    def turned(rows: Any, *more: Any) -> Any:
        gains = (rows.gains.max() - rows.gains).astype(np.float32)
        return fit(replace(rows, gains=gains), *more)

    bundles = Workspace(trained.config).bundles
    before = live_bundle(bundles)
    assert before is not None
    monkeypatch.setattr(training, "fit_on_labels", turned)
    settings = {**SETTINGS, "home": str(trained.config.home)}
    done = run(settings, tmp_path, "train", "--data", str(trained.data), "--gate")
    assert done.exit_code == 2, done.output
    assert "gate: quality REFUSED: nDCG@10" in done.output
    assert "the service knows the log" not in done.output
    assert live_bundle(bundles) == before
    found = re.search(r"bundle (\w+) written to", done.output)
    assert found is not None and (bundles / found[1]).is_dir()
    told = orjson.loads((bundles / f"{found[1]}.gate.json").read_bytes())
    assert (told["bundle"], told["live"], told["passed"]) == (found[1], before.name, False)
    assert [one["what"] for one in told["findings"]] == ["quality", "latency", "size"]
    assert told["settings"]["margin"] == 0.01
