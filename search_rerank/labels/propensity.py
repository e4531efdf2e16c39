"""How often each place is looked at, estimated from a log, with how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.events import Events
from search_rerank.labels.harvesting import Harvest, all_pairs
from search_rerank.labels.impressions import Counts, Impressions, read_impressions
from search_rerank.labels.pbm import fit_pbm

Method = Literal["harvesting", "em", "regression", "none"]
_DRAWS = 40
"""Samples of the shoppers that an interval is made of."""
_TOLD = (0, 1, 2, 4, 9, 19, 49)
"""Places that a line of text names."""
_Z95 = 1.959964
_Fit = Callable[[Counts, "NDArray[np.float64] | None"], "NDArray[np.float64]"]


@dataclass(frozen=True)
class Propensities:
    """The chance that each place is looked at, as a share of the first place's.

    Parameters
    ----------
    method
        How it was estimated; `none` where the log does not bear an estimate.
    values
        One a place, the first 1; 1 throughout where nothing was estimated. A place that lacks
        evidence has the value of the nearest place above that has it.
    low, high
        Bounds of the 95 % interval, by a bootstrap over shoppers.
    clicks
        Clicks at each place that the estimate rests on.
    rankings
        How many rankings the log had.
    why
        What decided for the method, in words.
    """

    method: Method
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    clicks: Sequence[int]
    rankings: int
    why: str

    def of(self, places: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the propensity of each place, float64 (n,), NaN for -1; the last for deeper."""
        if not self.values:
            return np.where(places >= 0, 1.0, np.nan)
        table = np.array(self.values)
        return np.where(places >= 0, table[np.clip(places, 0, len(table) - 1)], np.nan)

    def line(self) -> str:
        """Return the estimate as a line of text, some places of it."""
        if self.method == "none":
            return f"position bias: not corrected, {self.why}"
        some = [k for k in _TOLD if k < len(self.values)]
        told = ", ".join(f"{k + 1}: {self.values[k]:.2f}" for k in some)
        return (
            f"position bias by {self.method} from {self.rankings:,} rankings ({self.why}): "
            f"looked at by place {told}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain values, numbers rounded to six places."""

        def plain(value: object) -> object:
            if isinstance(value, list | tuple):
                return [round(one, 6) for one in value]
            return value

        return {name: plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Return what `as_json` was made of."""
        return cls(**row)


def estimate(
    events: Events,
    config: LabelsConfig,
    gains: Mapping[str, float],
    end_ms: int,
    rng: np.random.Generator,
    draws: int = _DRAWS,
) -> Propensities:
    """Estimate from the rankings before a time how often each place is looked at.

    With ``propensity = "auto"`` the method is chosen by what the log bears: `harvesting` where
    most of the places that have clicks enough have them on items that the same query also showed
    elsewhere, because it assumes least; else `regression`, which compares items across queries;
    else nothing.

    Parameters
    ----------
    events
        The whole log.
    gains
        An interaction of a type with a gain above 0 counts as a click.
    end_ms
        Nothing from then on is looked at.
    rng
        Source of the bootstrap's draws.
    draws
        How many samples of the shoppers the intervals are made of.
    """
    impressions = read_impressions(events, gains, end_ms, config.period_days, config.places)
    return estimate_from(impressions, config.propensity, config.evidence, rng, draws)


def estimate_from(
    impressions: Impressions,
    method: Literal["auto", "harvesting", "em", "regression"],
    evidence: int,
    rng: np.random.Generator,
    draws: int = _DRAWS,
) -> Propensities:
    """Estimate propensities from impressions; the parameters are those of `estimate`."""
    counts = impressions.counts
    chosen, why = choose(counts, evidence) if method == "auto" else (method, "as asked for")
    if chosen == "none":
        return Propensities("none", (), (), (), (), impressions.rankings, why)
    based_on = counts.by_place(counts.clicks) if chosen == "regression" else linked_clicks(counts)
    fit = _fitting(chosen, counts)
    believed = based_on >= evidence
    values = np.where(believed, fit(counts, None), np.nan)
    if not believed.any():
        why = f"no place has {evidence} clicks that {chosen} could learn from"
        return Propensities("none", (), (), (), (), impressions.rankings, why)
    spread = _spread(impressions, fit, values, rng, draws)
    kept = int(np.flatnonzero(believed)[-1]) + 1
    low, high = values * np.exp(-_Z95 * spread), values * np.exp(_Z95 * spread)
    return Propensities(
        method=chosen,
        values=_filled(values)[:kept].tolist(),
        low=_filled(low)[:kept].tolist(),
        high=_filled(high)[:kept].tolist(),
        clicks=based_on[:kept].astype(int).tolist(),
        rankings=impressions.rankings,
        why=why,
    )


def choose(counts: Counts, evidence: int) -> tuple[Method, str]:
    """Return the method that assumes least of those that the log bears, and why it was chosen."""
    shown = counts.by_place(counts.shown) > 0
    linked, all_clicks = linked_clicks(counts), counts.by_place(counts.clicks)
    if shown.sum() < 2:
        return "none", f"the log has {int(shown.sum())} places: two or more are to be compared"
    clicked = shown & (all_clicks >= evidence)
    if clicked.sum() < 2:
        found = f"found {int(all_clicks.sum())} clicks in all"
        return "none", f"expected {evidence} clicks at two places or more, {found}"
    enough = int((linked >= evidence).sum())
    found = f"{enough} of {int(clicked.sum())} places have {evidence} clicks on items that moved"
    return ("harvesting" if enough >= max(2, clicked.sum() / 2) else "regression"), found


def linked_clicks(counts: Counts) -> NDArray[np.float64]:
    """Return the clicks at each place on cells that were shown at another place, too.

    Only places that cells link to the first one that was clicked count: others cannot be compared
    with it.

    Returns
    -------
    NDArray
        float64 (n_places,).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    seen_at = np.bincount(counts.cell[counts.shown > 0], minlength=counts.n_cells)
    clicked = counts.by_cell(counts.clicks) > 0
    useful = (seen_at[counts.cell] > 1) & clicked[counts.cell] & (counts.shown > 0)
    cell, place = counts.cell[useful], counts.place[useful]
    size = counts.n_places + counts.n_cells
    edges = coo_matrix((np.ones(len(cell)), (place, counts.n_places + cell)), shape=(size, size))
    _, part = connected_components(edges, directed=False)
    clicks = np.bincount(place, weights=counts.clicks[useful], minlength=counts.n_places)
    if not clicks.any():
        return np.zeros(counts.n_places)
    first = int(np.flatnonzero(clicks)[0])
    return np.where(part[: counts.n_places] == part[first], clicks, 0.0)


def _fitting(method: Method, counts: Counts) -> _Fit:
    """Return what estimates by a method, given counts of the same entries and where to begin."""
    if method == "harvesting":
        harvest = Harvest(counts)
        return lambda of, start: all_pairs(harvest.wins(of), start)
    return lambda of, start: fit_pbm(of, start, regression=method == "regression")


def _spread(
    impressions: Impressions,
    fit: _Fit,
    values: NDArray[np.float64],
    rng: np.random.Generator,
    draws: int,
) -> NDArray[np.float64]:
    """Return the standard deviation of each propensity's logarithm, float64 (n_places,).

    Shoppers are drawn (each counts a Poisson number of times), since what one of them does is no
    independent evidence; the logarithm is nearly normal where there are few draws, too.
    """
    shoppers = int(impressions.shopper.max(initial=-1)) + 1
    start = np.nan_to_num(values, nan=1.0)
    logs = np.full((draws, len(values)), np.nan)
    for draw in range(draws):
        weights = rng.poisson(1.0, shoppers).astype(np.float64)
        with np.errstate(divide="ignore"):
            logs[draw] = np.log(fit(impressions.weighted(weights), start))
    finite = np.isfinite(logs)
    enough = finite.sum(axis=0) > 1
    found = np.full(len(values), np.nan)
    safe = np.where(finite, logs, np.nan)
    found[enough] = np.nanstd(safe[:, enough], axis=0, ddof=1)
    return found


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values with each NaN replaced by the nearest value above it, or else below it."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) == 0:
        return values
    above = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.asarray(values[known[np.maximum(above, 0)]])
