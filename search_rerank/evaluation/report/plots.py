"""Plots as SVG in a page: no file of their own, no network, text that can be read aloud."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

CHOSEN, OTHER, WORSE = "#0b5cad", "#6b7280", "#b45309"
"""Blue, grey and amber: apart from each other for every kind of colour vision, 4.5:1 on white."""
_INK, _LINE = "#1f2937", "#d1d5db"
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.size": 9.5,
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "ytick.left": False,
    "grid.color": "#e5e7eb",
}

Interval = tuple[float, float]


def svg(draw: Callable[[Any], None], width: float, height: float, title: str) -> str:
    """Return what `draw` makes of a matplotlib figure as an SVG element.

    Parameters
    ----------
    draw
        Called with the figure.
    width, height
        Inches, at 72 pixels each.
    title
        What the plot shows, for those who cannot see it.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    out = StringIO()
    # Salted by the title, the same data gives the same bytes, and no two plots the same ids.
    with rc_context({**_STYLE, "svg.hashsalt": title}), _missing_letters_are_the_reader_s():
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # Ids that nothing refers to would be there once a plot.
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font-size: \1px", text)  # the page's font
    label = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def forest(
    names: Sequence[str],
    means: Sequence[float],
    intervals: Sequence[Interval],
    label: str,
    coloured: Sequence[bool],
    zero: bool = False,
) -> str:
    """Return means with their intervals, one a line, the first at the top.

    Parameters
    ----------
    names, means, intervals
        One a line.
    label
        Of the axis.
    coloured
        The lines that stand out.
    zero
        Whether the values are differences: a line at 0, and what is below it in another colour.
    """

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        if zero:
            axes.axvline(0, color=_INK, linewidth=0.8)
        rows = zip(means, intervals, coloured, strict=True)
        for y, (mean, (low, high), stands_out) in enumerate(rows):
            colour = OTHER if not stands_out else WORSE if zero and mean < 0 else CHOSEN
            axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot([mean], [y], "o", color=colour, markersize=5)
        _lines(axes, names)
        axes.set_xlabel(label)

    return svg(draw, 6.6, 0.75 + 0.27 * len(names), f"{label}, with 95 % intervals")


def bars(names: Sequence[str], columns: Sequence[tuple[str, Sequence[float]]], title: str) -> str:
    """Return bars of several columns beside each other, one a line, the first at the top."""

    def draw(figure: Any) -> None:
        all_axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        colours = (CHOSEN, OTHER)
        for n, (axes, (label, values)) in enumerate(zip(all_axes, columns, strict=True)):
            axes.barh(range(len(names)), values, color=colours[n % 2], height=0.66)
            axes.set_xlabel(label)
            _lines(axes, names)

    return svg(draw, 8.4, 0.75 + 0.25 * len(names), title)


def steps(
    names: Sequence[str],
    rates: Sequence[float],
    intervals: Sequence[Interval],
    labels: tuple[str, str],
) -> str:
    """Return shares with their intervals from left to right."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        places = range(len(names))
        axes.bar(places, rates, color="#9dc1e6", width=0.72)
        low = [max(rate - bounds[0], 0.0) for rate, bounds in zip(rates, intervals, strict=True)]
        high = [max(bounds[1] - rate, 0.0) for rate, bounds in zip(rates, intervals, strict=True)]
        axes.errorbar(places, rates, [low, high], fmt="none", ecolor=CHOSEN, elinewidth=1.6)
        axes.set_xticks(list(places), list(names))
        axes.grid(axis="y")
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")

    return svg(draw, 6.6, 2.6, f"{labels[1]} by {labels[0]}")


def curve(
    values: Sequence[float], low: Sequence[float], high: Sequence[float], labels: tuple[str, str]
) -> str:
    """Return a line over places from 1 with a band around it."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        places = range(1, len(values) + 1)
        axes.fill_between(places, low, high, color="#cfe0f3")
        axes.plot(places, values, "o-", color=CHOSEN, markersize=3.5, linewidth=1.6)
        axes.set_ylim(0, max(1.05, 1.02 * max(values, default=1.0)))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])

    return svg(draw, 6.6, 2.6, f"{labels[1]} by {labels[0]}")


def _lines(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(axis="both", length=0)


@contextmanager
def _missing_letters_are_the_reader_s() -> Iterator[None]:
    """Text is drawn by the browser's fonts, so that letters our font lacks are no loss."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield
