"""Do estimates from one ranker's log cover the true value of others? On the generated shop.

    python -m benchmarks.counterfactual [--seeds N] [--sessions N] [--temperature T] [--json FILE]

One catalogue; for each seed new shoppers, searches, lists and clicks. The log's ranker draws its
lists by popularity (Plackett-Luce); it tells of three that it is not: `popularity` without chance,
`personal`, which knows tastes up to noise, and `reversed`, least popular first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import click as commandline
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.generated_searches import Pages, Visits, click, make_pages, visit
from search_rerank.data.shop.clicks import EXAMINATION
from search_rerank.experiments.attraction import cross_fitted, reranked
from search_rerank.experiments.clustered import Interval
from search_rerank.experiments.diagnostics import clip, diagnose
from search_rerank.experiments.estimators import doubly_robust, ips, snips
from search_rerank.experiments.logged import Logged
from search_rerank.experiments.policies import PlackettLuce, looks, places
from search_rerank.experiments.weights import as_shown, item_position, policy_aware

SHOPPERS = 1500
TASTE_NOISE = 1.0
"""Standard deviation of what the personal ranker gets wrong of a utility."""


def main_table(seeds: int, sessions: int, temperature: float, most: float | None) -> Any:
    """Return the rows of the table and the protocol."""
    pages = make_pages(seed=1_000_000)
    policy = PlackettLuce(pages.popularity, temperature)
    chances = policy.chances()
    given = looks(chances, EXAMINATION)
    found: dict[tuple[str, str, str], list[tuple[Interval, float, float]]] = defaultdict(list)
    shown = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        visits = visit(rng, pages, SHOPPERS, sessions)
        shown += len(visits)
        place = policy.draw(rng, visits.query)
        clicks = click(rng, visits, place, EXAMINATION)
        one = _One(pages, visits, place, clicks, rng)
        for ranker, new in rankers(rng, pages, visits).items():
            truth = float((EXAMINATION[new] * visits.attraction).sum(axis=1).mean())
            for key, result, effective in one.estimates(new, chances, given, most):
                found[(ranker, *key)].append((result, truth, effective))
    rows = [_row(key, results) for key, results in found.items()]
    note = "none clipped" if most is None else f"clipped at {most:g}"
    protocol = (
        f"generated shop, {len(pages.words)} most common queries, {seeds} seeds of {SHOPPERS} new "
        f"shoppers with {shown / seeds:.0f} rankings on average, logged by popularity "
        f"(Plackett-Luce, temperature {temperature:g}), examination known, weights {note}. truth: "
        "expected clicks a ranking over all seeds' searches. covered: of the seeds, 95 % intervals "
        "that hold it; of_own: that hold the value on the seed's own searches"
    )
    return rows, protocol


def rankers(
    rng: np.random.Generator, pages: Pages, visits: Visits
) -> Mapping[str, NDArray[np.int64]]:
    """Return the places that each ranker gives the items of each search, int64 (r, PAGE)."""
    popularity = pages.popularity[visits.query]
    there = np.isfinite(popularity)
    noise = TASTE_NOISE * rng.standard_normal(popularity.shape)
    return {
        "popularity": places(popularity),
        "personal": places(visits.utility + noise),
        "reversed": places(np.where(there, -popularity, -np.inf)),
    }


class _One:
    """The log of one seed, and what it says of rankers."""

    def __init__(
        self,
        pages: Pages,
        visits: Visits,
        place: NDArray[np.int64],
        clicks: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        self._query = visits.query
        self._there = pages.there[visits.query]
        ranking, _ = np.nonzero(self._there)
        self._logged = Logged(ranking, place[self._there], clicks[self._there], visits.shopper)
        item = pages.items[visits.query][self._there]
        pair = visits.query[ranking] * (int(pages.items.max()) + 1) + item
        looked = EXAMINATION[self._logged.place]
        self._rate = cross_fitted(self._logged, looked, [item, pair], rng)

    def estimates(
        self,
        new: NDArray[np.int64],
        chances: NDArray[np.float64],
        given: NDArray[np.float64],
        most: float | None,
    ) -> Any:
        """Yield (weights, estimator), interval, and effective rows as a share."""
        logged, there = self._logged, self._there
        place = new[there]
        wanted = EXAMINATION[place]
        at = chances[self._query[logged.ranking], np.nonzero(there)[1], logged.place]
        size = there.sum(axis=1)
        targets = {
            "as_shown": as_shown(logged, place, EXAMINATION),
            "policy_aware": policy_aware(
                logged, wanted, given[self._query][there], EXAMINATION, logged.per_ranking(wanted)
            ),
            "item_position": item_position(
                logged, (place == logged.place).astype(np.float64), at, size, EXAMINATION
            ),
        }
        predicted = reranked(logged, self._rate, wanted)
        for weights, target in targets.items():
            checked = diagnose(logged, target, most)
            used = target if most is None else clip(target, most)
            share = checked.effective / checked.rows
            yield (weights, "IPS"), ips(logged, used), share
            if weights != "as_shown":  # there it is IPS
                yield (weights, "SNIPS"), snips(logged, used), share
            yield (weights, "DR"), doubly_robust(logged, used, predicted), share


def _row(
    key: tuple[str, str, str], results: list[tuple[Interval, float, float]]
) -> Mapping[str, Any]:
    values = np.array([result.value for result, _, _ in results])
    own = np.array([truth for _, truth, _ in results])
    truth = float(own.mean())
    return {
        "system": " ".join(key),
        "truth": truth,
        "bias": float((values - own).mean()),
        "rmse": float(np.sqrt(((values - truth) ** 2).mean())),
        "error": float(np.mean([result.error for result, _, _ in results])),
        "covered": sum(result.covers(truth) for result, _, _ in results),
        "of_own": sum(result.covers(t) for result, t, _ in results),
        "effective": float(np.mean([share for _, _, share in results])),
    }


@commandline.command()
@commandline.option("--seeds", default=100, show_default=True)
@commandline.option("--sessions", default=6000, show_default=True, help="Of each seed.")
@commandline.option("--temperature", default=1.0, show_default=True, help="Of the log's ranker.")
@commandline.option("--clip", "most", type=float, help="Cut weights at this one.")
@options
def main(
    seeds: int,
    sessions: int,
    temperature: float,
    most: float | None,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print coverage, bias and error of each estimator for three rankers."""
    begun = perf_counter()
    rows, protocol = main_table(seeds, sessions, temperature, most)
    report("counterfactual", protocol, rows, {"all": perf_counter() - begun}, json_file)


if __name__ == "__main__":
    main()
