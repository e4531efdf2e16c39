"""How many sessions tell which of two rankers is better: interleaving beside an A/B test.

    python -m benchmarks.interleaving [--shoppers N] [--runs N] [--json FILE]

On the generated shop, where the truth is known. Rankers go by the shoppers' true utility and noise:
the more noise, the worse. Of a pair that is akin, the worse adds its noise to the better's score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any

import click as commandline
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.generated_searches import Pages, Visits, click, make_pages, visit
from search_rerank.data.shop.clicks import EXAMINATION
from search_rerank.experiments.analysis import difference_of_ratios, needed
from search_rerank.experiments.clustered import by_cluster, numbered, ratio_influence
from search_rerank.experiments.interleaving import team_drafts
from search_rerank.experiments.policies import places
from search_rerank.experiments.preference import of_shoppers

SESSIONS_EACH = 5
"""Sessions of a shopper, on average; they are as heavy-tailed as the shop's."""
LEVEL, POWER = 0.05, 0.8
FALSE = 500
"""Units of the experiments on rankers that are worth the same."""
PAIRS: Mapping[str, tuple[float, float | None, bool]] = {
    "utility+1.0 or popularity": (1.0, None, False),
    "utility+1.0 or +2.0": (1.0, 2.0, False),
    "utility+1.0 or +2.0, akin": (1.0, 2.0, True),
    "utility+1.0 or +1.3": (1.0, 1.3, False),
    "utility+1.0 or +1.3, akin": (1.0, 1.3, True),
    "utility+1.0 twice": (1.0, 1.0, False),
}
"""Noise of the better ranker, of the worse (None: popularity), and whether they are akin."""


@dataclass(frozen=True)
class Units:
    """What each of m shoppers, or sessions, did: float64 (m,) each.

    Parameters
    ----------
    rankings
        Searches made.
    sessions
        Sessions made.
    a, b
        Clicks with each ranker alone.
    credit
        Clicks on items of a minus those of b in interleaved lists.
    """

    rankings: NDArray[np.float64]
    sessions: NDArray[np.float64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    credit: NDArray[np.float64]

    def take(self, rows: NDArray[np.integer]) -> Units:
        """Return some of them."""
        return Units(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Pair:
    """Two rankers on the same searches: what they are worth and what is clicked."""

    visits: Visits
    places: tuple[NDArray[np.int64], NDArray[np.int64]]
    drafted: NDArray[np.int64]
    team: NDArray[np.int8]

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        pages: Pages,
        visits: Visits,
        noise: tuple[float, float | None, bool],
    ) -> Pair:
        """Rank all searches with both rankers, and interleave them."""
        own, other, akin = noise
        shape = visits.utility.shape
        better = visits.utility + own * rng.standard_normal(shape)
        if other is None:
            worse = pages.popularity[visits.query]
        elif akin:
            worse = better + np.sqrt(other**2 - own**2) * rng.standard_normal(shape)
        else:
            worse = visits.utility + other * rng.standard_normal(shape)
        a, b = places(better), places(worse)
        return cls(visits, (a, b), *team_drafts(a, b, rng))

    def expected(self) -> tuple[float, float, float]:
        """Return clicks a session of a and of b, and the credit a ranking, without chance."""
        worth = self.visits.attraction
        clicks = [float((EXAMINATION[place] * worth).sum()) for place in self.places]
        credit = float((self.team * EXAMINATION[self.drafted] * worth).sum())
        sessions = len(np.unique(self.visits.session))
        return clicks[0] / sessions, clicks[1] / sessions, credit / len(self.visits)

    def units(self, rng: np.random.Generator, names: NDArray[np.int64]) -> Units:
        """Draw the clicks of each design and sum them by unit, (r,) names of whose they are."""
        of, m = numbered(names)
        _, first = np.unique(self.visits.session, return_index=True)
        begins = np.zeros(len(of))
        begins[first] = 1.0
        a, b = (click(rng, self.visits, p, EXAMINATION).sum(axis=1) for p in self.places)
        credit = (self.team * click(rng, self.visits, self.drafted, EXAMINATION)).sum(axis=1)
        return Units(*(by_cluster(v, of, m) for v in (np.ones(len(of)), begins, a, b, credit)))


def ab_test(rng: np.random.Generator, units: Units, n: int) -> tuple[float, bool]:
    """Return the p-value of an A/B test of n units, half of them each ranker's; whether a won."""
    drawn = units.take(rng.integers(0, len(units.a), n))
    half = n // 2
    effect = difference_of_ratios(
        (drawn.b[half:], drawn.sessions[half:]), (drawn.a[:half], drawn.sessions[:half])
    )
    return effect.p, effect.difference.value > 0


def interleaved(rng: np.random.Generator, units: Units, n: int) -> tuple[float, bool]:
    """Return the p-value of interleaving for n units, and whether a won."""
    drawn = units.take(rng.integers(0, len(units.a), n))
    result = of_shoppers(drawn.credit, drawn.rankings)
    return result.p, result.margin.value > 0


Test = Callable[[np.random.Generator, Units, int], tuple[float, bool]]


def shares(
    rng: np.random.Generator, test: Test, units: Units, n: int, runs: int
) -> tuple[float, float]:
    """Return how often a test of n units finds a, and how often b."""
    results = [test(rng, units, n) for _ in range(runs)]
    found = [a_won for p, a_won in results if p < LEVEL]
    return sum(found) / runs, (len(found) - sum(found)) / runs


def needed_by(
    rng: np.random.Generator, test: Test, units: Units, start: int, runs: int
) -> tuple[int, float]:
    """Return how many units a test needs, and its power with them.

    From what the normal law says, a tenth more until the power is measured: of few units the tails
    are heavier than that.
    """
    n = max(start, 4)
    while (power := shares(rng, test, units, n, runs)[0]) < POWER:
        n = ceil(1.1 * n)
    return n, power


def _variance(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> float:
    """Return the variance that one unit adds to a ratio of sums, times the units."""
    _, influence = ratio_influence(top, bottom)
    return len(top) * float(influence @ influence)


def table(shoppers: int, runs: int) -> list[Mapping[str, Any]]:
    """Return a row for each pair of rankers, and each way of parting: by shopper, by session."""
    pages = make_pages(seed=1_000_000)
    rows: list[Mapping[str, Any]] = []
    for number, (name, noise) in enumerate(PAIRS.items()):
        rng = np.random.default_rng(number)
        visits = visit(rng, pages, shoppers, SESSIONS_EACH * shoppers)
        pair = Pair.draw(rng, pages, visits, noise)
        a, b, credit = pair.expected()
        for unit, names in (("shoppers", visits.shopper), ("sessions", visits.session)):
            units = pair.units(rng, names)
            row: dict[str, Any] = {"system": f"{name}: by {unit}", "a": a, "b": b}
            if noise[0] == noise[1]:
                for test, key in ((ab_test, "false_ab"), (interleaved, "false_inter")):
                    row[key] = sum(shares(rng, test, units, FALSE, runs))
            else:
                spread = sum(_variance(clicks, units.sessions) for clicks in (units.a, units.b))
                start = needed(a - b, 2 * spread)
                n, row["power_ab"] = needed_by(rng, ab_test, units, start, runs)
                start = needed(credit, _variance(units.credit, units.rankings))
                m, row["power_inter"] = needed_by(rng, interleaved, units, start, runs)
                each = float(units.sessions.mean())
                row |= {"ab": round(n * each), "inter": round(m * each), "ratio": m / n}
            rows.append(row)
    return rows


@commandline.command()
@commandline.option("--shoppers", default=20_000, show_default=True, help="To draw from.")
@commandline.option("--runs", default=1000, show_default=True, help="Experiments, for the power.")
@options
def main(shoppers: int, runs: int, data: Path | None, json_file: Path | None) -> None:
    """Print the sessions that each design needs, and how often it is right with them."""
    begun = perf_counter()
    rows = table(shoppers, runs)
    protocol = (
        f"generated shop, {shoppers:,} shoppers of {SESSIONS_EACH} sessions on average. a, b: true "
        f"clicks a session. ab, inter: sessions, of both arms, with which {POWER:.0%} of {runs:,} "
        "experiments, of units drawn from the shop's, find the better ranker at p < .05 two-sided. "
        f"false: share of {runs:,} experiments of {FALSE} units that find either of two rankers "
        "of one value"
    )
    report("interleaving", protocol, rows, {"all": perf_counter() - begun}, json_file)


if __name__ == "__main__":
    main()
