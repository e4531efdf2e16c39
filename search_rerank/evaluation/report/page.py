"""The report as one page of HTML: words, tables and plots, and nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np

from search_rerank.evaluation.evaluated import FIRST
from search_rerank.evaluation.report.findings import BEYOND, Findings, Task
from search_rerank.evaluation.report.plots import bars, curve, forest, steps
from search_rerank.evaluation.slice_table import SliceRow
from search_rerank.evaluation.systems import Standing

_FEATURES = 20
"""Features and brands listed at most; all features are in `importance.csv`."""
_BRANDS = 8
_PLACES = 10
_TRAITS = {
    "demand": "how much the query was in demand before",
    "history": "what the shopper did before",
    "category": "category of what was taken",
    "words": "words of the query",
    "items": "whether what was taken was new",
}


@dataclass(frozen=True)
class SliceLine:
    """One slice, with the systems that the page compares."""

    by: str
    name: str
    rows: Mapping[str, SliceRow]


def render(findings: Findings, titles: Mapping[str, str], gain_names: Mapping[float, str]) -> str:
    """Return the page.

    Parameters
    ----------
    titles
        Item id to title.
    gain_names
        Gain to what was done with an item.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("search_rerank.evaluation.report"),
        autoescape=True,  # titles and queries are what strangers typed
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": _figure,
        "signed": _signed,
        "interval": _interval,
        "count": lambda value: f"{value:,}",
        "percent": lambda value: f"{100 * value:.3g} %",
        "p": _p,
        "day": lambda time_ms: datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat(),
    }
    page: str = environment.get_template("report.html").render(
        f=findings,
        main=findings.main,
        standing=findings.main.standing(findings.chosen),
        verdict=verdict(findings.main.standing(findings.chosen), findings),
        first=FIRST,
        beyond=BEYOND,
        slices=[
            (_TRAITS.get(by, by), list(lines))
            for by, lines in groupby(slice_lines(findings.slices), key=lambda line: line.by)
        ],
        tested=sum(row.difference is not None for row in findings.slices),
        shoppers=len(set(findings.main.evaluated.shoppers)),
        plots=plots(findings),
        features=_FEATURES,
        brands=_BRANDS,
        places=_PLACES,
        titles=titles,
        gain_names=gain_names,
    )
    return page


def verdict(standing: Standing, findings: Findings) -> tuple[str, str]:
    """Return what the comparison showed, as `better`, `worse` or `unclear`, and in words."""
    against = findings.baseline
    found, p = standing.difference, standing.corrected_p
    if found is None or p is None:
        return "unclear", f"{standing.system} is the baseline itself: name another one."
    base = findings.main.standing(against).mean
    share = f" ({100 * found.mean / base:+.1f} %)".replace("-", "−") if base > 0 else ""
    if p < 0.05 and found.mean > 0:
        return "better", f"{standing.system} ranks better than {against}{share}"
    if p < 0.05:
        return "worse", f"{standing.system} ranks worse than {against}{share}"
    return "unclear", f"No difference between {standing.system} and {against} was shown"


def slice_lines(rows: Sequence[SliceRow]) -> list[SliceLine]:
    """Return a line a slice, from rows slice by slice."""
    return [
        SliceLine(by, name, {row.system: row for row in group})
        for (by, name), group in groupby(rows, key=lambda row: (row.by, row.name))
    ]


def plots(findings: Findings) -> dict[str, Any]:
    """Return name to SVG, as markup that is not escaped again."""
    from markupsafe import Markup

    found = {f"forest{prefix}": _forest(task, findings) for prefix, task in findings.tasks.items()}
    lines = slice_lines(findings.slices)
    tested = [
        (line, row.difference, row.corrected_p)
        for line in lines
        if (row := line.rows[findings.chosen]).difference is not None
    ]
    if tested:
        found["slices"] = forest(
            [f"{line.by}: {_short(line.name)}" for line, _, _ in tested],
            [one.mean for _, one, _ in tested],
            [one.ci95 for _, one, _ in tested],
            f"{FIRST}: {findings.chosen} minus {findings.baseline}",
            [p is not None and p < 0.05 for _, _, p in tested],
            zero=True,
        )
    if findings.explanation is not None:
        features = findings.explanation.features[:_FEATURES]
        found["features"] = bars(
            [name for name, _, _ in features],
            [
                ("mean |contribution| to the score", [value for _, _, value in features]),
                ("share of the gain while learning", [gain for _, gain, _ in features]),
            ],
            "Features by their contribution and gain",
        )
    if findings.buckets:
        found["calibration"] = steps(
            [f"{_quantile(b.share[0])}–{_quantile(b.share[1])}" for b in findings.buckets],
            [bucket.rate for bucket in findings.buckets],
            [bucket.ci95 for bucket in findings.buckets],
            (f"candidates by score of {findings.chosen}, percentiles", "share that was taken"),
        )
    if (places := findings.propensities) is not None and places.values:
        found["places"] = curve(
            places.values,
            places.low,
            places.high,
            ("place", "chance to be looked at"),
        )
    return {name: Markup(svg) for name, svg in found.items()}  # drawn here, escaped by the drawer


def _forest(task: Task, findings: Findings) -> str:
    standings = sorted(task.standings, key=lambda one: -one.mean)
    return forest(
        [one.system for one in standings],
        [one.mean for one in standings],
        [one.ci95 for one in standings],
        FIRST if len(findings.tasks) == 1 else f"{FIRST}, {task.asks}",
        [one.system == findings.chosen for one in standings],
    )


def _figure(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.4f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _interval(bounds: tuple[float, float], signed: bool = False) -> str:
    low, high = (f"{bound:{'+' if signed else ''}.3f}".replace("-", "−") for bound in bounds)
    return f"{low} to {high}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<\u00a00.001" if value < 0.001 else f"{value:.3f}"


def _quantile(share: float) -> str:
    return f"{100 * share:.3g}"


def _short(name: str) -> str:
    return name if len(name) <= 32 else name[:31] + "…"
