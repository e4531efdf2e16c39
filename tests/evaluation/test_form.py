"""The text form of a table: what stands in columns, and what is said below."""

from __future__ import annotations

from typing import Any

from search_rerank.evaluation.form import format_table


def row(system: str, p_holm: float | None = None, **more: Any) -> dict[str, Any]:
    found = {"system": system, "nDCG@10": 0.25, "ci95": [0.2, 0.3], "queries": 1200, **more}
    if p_holm is None:
        return found | {"best_single": True}
    return found | {"p_holm": p_holm, "detectable": p_holm / 10}


def notes(*rows: dict[str, Any]) -> list[str]:
    return format_table(rows).splitlines()[2 + len(rows) :]


def test_columns_are_aligned_and_hold_what_any_row_has() -> None:
    text = format_table(
        [{"system": "a", "MRR": 0.5, "p50_ms": 1.234}, {"system": "longer", "queries": 12}]
    )
    assert text.splitlines() == [
        "system     MRR  p50_ms  queries",
        "-------------------------------",
        "a       0.5000    1.23",
        "longer                       12",
    ]


def test_what_survives_the_correction_is_said_below_and_is_no_column() -> None:
    rows = [row("engine", 0.01), row("als"), row("vote", 0.05), row("cascade", 0.0123)]
    assert format_table(rows).splitlines()[0].split() == ["system", "nDCG@10", "ci95", "queries"]
    assert notes(*rows) == [
        "* best single scorer; p by a paired randomisation test against it",
        "p corrected for 3 comparisons with als (Holm): not below 0.05 for vote (0.0500)",
        "smallest difference to als that 1,200 queries would show (power 80 %): "
        "0.0010 to 0.0050 nDCG@10",
    ]


def test_all_below_the_level_is_one_word() -> None:
    assert notes(row("engine", 0.01), row("als"))[1:] == [
        "p corrected for 1 comparison with als (Holm): all below 0.05",
        "smallest difference to als that 1,200 queries would show (power 80 %): 0.0010 nDCG@10",
    ]


def test_each_task_has_notes_of_its_own() -> None:
    found = notes(row("engine", 0.01), row("als"), row("e2e_engine", 0.2), row("e2e_bpr"))
    assert [line for line in found if line.startswith("p corrected")] == [
        "p corrected for 1 comparison with als (Holm): all below 0.05",
        "p corrected for 1 comparison with e2e_bpr (Holm): not below 0.05 for e2e_engine (0.2000)",
    ]


def test_a_table_without_tests_has_no_notes() -> None:
    assert notes({"system": "a", "MRR": 0.5}) == []
