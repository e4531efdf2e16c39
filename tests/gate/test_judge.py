"""What the test of quality lets through, on queries whose outcome is known."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.config import GateConfig
from search_rerank.gate.decision import Decision, Finding
from search_rerank.gate.quality import HeldOut, judge

N = 200


def held_out(difference: float, spread: float = 0.05, n: int = N) -> HeldOut:
    """Return two bundles whose mean difference is exactly that, over as many shoppers."""
    rng = np.random.default_rng(7)
    noise = rng.normal(size=n) * spread
    live = rng.uniform(0.3, 0.6, size=n)
    return HeldOut(live + noise - noise.mean() + difference, live, [f"u{i}" for i in range(n)])


def outcome(held: HeldOut, **settings: object) -> Finding:
    return judge(held, GateConfig.model_validate(settings), seed=0)


@pytest.mark.parametrize("proof", ["of_harm", "of_no_harm"])
@pytest.mark.parametrize(
    ("difference", "passed", "reason"),
    [
        (-0.05, False, "it loses more than the margin of 0.01"),
        (-0.001, True, "it does not lose more than the margin of 0.01"),
        (0.05, True, "it does not lose more than the margin of 0.01"),
    ],
)
def test_what_is_shown_decides_whatever_the_proof(
    proof: str, difference: float, passed: bool, reason: str
) -> None:
    found = outcome(held_out(difference), proof=proof)
    assert found.passed is passed
    assert reason in found.reason
    assert found.figures["difference"] == pytest.approx(difference)


@pytest.mark.parametrize("difference", [-0.03, 0.01])
def test_what_is_not_shown_is_decided_by_the_proof(difference: float) -> None:
    vague = held_out(difference, spread=0.5)
    passed, refused = (outcome(vague, proof=proof) for proof in ("of_harm", "of_no_harm"))
    assert passed.passed and "not shown to be worse" in passed.reason
    assert not refused.passed and "not shown to be as good" in refused.reason
    least = passed.figures["smallest_detectable"]
    assert least == pytest.approx((1.96 + 0.84) * 0.5 / np.sqrt(N), rel=0.15)
    assert f"no difference below {least:.4f}" in passed.reason


def test_the_margin_is_what_may_be_lost() -> None:
    held = held_out(-0.05)
    assert not outcome(held, margin=0.03).passed
    assert outcome(held, margin=0.07).passed


@pytest.mark.parametrize("margin", [0.0, 0.01])
@pytest.mark.parametrize("proof", ["of_harm", "of_no_harm"])
def test_the_same_lists_are_not_worse(margin: float, proof: str) -> None:
    held = held_out(0.0, spread=0.0)
    found = outcome(HeldOut(held.live, held.live, held.shoppers), margin=margin, proof=proof)
    assert found.passed and "the lists are the same" in found.reason


def test_too_few_queries_tell_nothing() -> None:
    found = outcome(held_out(0.2, n=49))
    assert not found.passed
    assert "at least 50 held-out queries (gate.min_queries), found 49" in found.reason


def test_one_shopper_is_no_evidence() -> None:
    """A thousand queries of one shopper are one loss, which might as well be luck."""
    held = held_out(-0.05)
    alone = HeldOut(held.new, held.live, ["ann"] * N)
    found = outcome(alone)
    assert found.passed and found.figures["p_of_margin"] == 1
    assert found.figures["smallest_detectable"] is None
    assert not outcome(alone, proof="of_no_harm").passed


def test_one_refusal_refuses() -> None:
    good, bad = Finding("size", True, "small"), Finding("latency", False, "slow")
    settings = GateConfig()
    assert Decision([good, good], None, settings).passed
    found = Decision([good, bad], "abc", settings)
    assert not found.passed
    assert found.lines() == ["gate: size passed: small", "gate: latency REFUSED: slow"]
