"""Do estimates from one ranker's log cover the true value of others? On the generated shop.

    python -m benchmarks.counterfactual [--seeds N] [--sessions N] [--clip W] [--json FILE]

One catalogue; for each seed new shoppers, searches, lists and clicks. The log's ranker goes by
popularity and chance, in two ways (`LOGS`); it tells of three that it is not: `popularity` without
chance, `personal`, which knows tastes up to noise, and `reversed`, least popular first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
from search_rerank.experiments.diagnostics import Diagnostics, clip, diagnose
from search_rerank.experiments.estimators import doubly_robust, ips, snips
from search_rerank.experiments.logged import Logged, Target
from search_rerank.experiments.policies import PlackettLuce, Policy, Shuffled, looks, places
from search_rerank.experiments.weights import as_shown, item_position, policy_aware

SHOPPERS = 1500
TASTE_NOISE = 1.0
"""Standard deviation of what the personal ranker gets wrong of a utility."""


LOGS: Mapping[str, Callable[[NDArray[np.float64]], Policy]] = {
    "plackett-luce": lambda scores: PlackettLuce(scores, temperature=1.0),
    "half shuffled": lambda scores: Shuffled(scores, share=0.5),
}
"""How the log's ranker draws its lists."""
WEIGHTS: Mapping[str, Sequence[str]] = {
    "plackett-luce": ("as_shown", "policy_aware", "item_position"),
    "half shuffled": ("item_position",),
}
"""The weights that are tried on each log."""


def table(
    pages: Pages, log: str, seeds: int, sessions: int, most: float | None
) -> tuple[list[Mapping[str, Any]], float]:
    """Return the rows of the table for one log, and its rankings on average."""
    policy = LOGS[log](pages.popularity)
    chances = policy.chances()
    found: dict[tuple[str, ...], list[tuple[Interval, float, Diagnostics]]] = defaultdict(list)
    shown = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        visits = visit(rng, pages, SHOPPERS, sessions)
        shown += len(visits)
        place = policy.draw(rng, visits.query)
        one = OneLog(pages, visits, place, click(rng, visits, place, EXAMINATION), rng)
        for ranker, new in rankers(rng, pages, visits).items():
            truth = float((EXAMINATION[new] * visits.attraction).sum(axis=1).mean())
            targets = one.targets(new, chances)
            for weights in WEIGHTS[log]:
                results, checked = one.estimates(new, targets[weights], most)
                for estimator, result in results.items():
                    if weights != "as_shown" or estimator == "IPS":  # all are one there
                        key = (log, weights, ranker, estimator)
                        found[key].append((result, truth, checked))
    return [_row(key, results) for key, results in found.items()], shown / seeds


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


class OneLog:
    """The log of one seed, and what it says of rankers."""

    def __init__(
        self,
        pages: Pages,
        visits: Visits,
        place: NDArray[np.int64],
        clicks: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        self._there = pages.there[visits.query]
        ranking, self._column = np.nonzero(self._there)
        self._logged = Logged(ranking, place[self._there], clicks[self._there], visits.shopper)
        self._query = visits.query[ranking]
        item = pages.items[self._query, self._column]
        pair = self._query * (int(pages.items.max()) + 1) + item
        looked = EXAMINATION[self._logged.place]
        self._rate = cross_fitted(self._logged, looked, [item, pair], rng)

    def targets(self, new: NDArray[np.int64], chances: NDArray[np.float64]) -> Mapping[str, Target]:
        """Return the weights of each kind for a ranker's places, int64 (r, PAGE)."""
        logged, place = self._logged, new[self._there]
        wanted = EXAMINATION[place]
        given = looks(chances, EXAMINATION)[self._query, self._column]
        same = (place == logged.place).astype(np.float64)
        at = chances[self._query, self._column, logged.place]
        size = self._there.sum(axis=1)
        return {
            "as_shown": as_shown(logged, place, EXAMINATION),
            "policy_aware": policy_aware(
                logged, wanted, given, EXAMINATION, logged.per_ranking(wanted)
            ),
            "item_position": item_position(logged, same, at, size, EXAMINATION),
        }

    def estimates(
        self, new: NDArray[np.int64], target: Target, most: float | None
    ) -> tuple[Mapping[str, Interval], Diagnostics]:
        """Return what each estimator says of a ranker, and whether its weights can carry that."""
        logged = self._logged
        checked = diagnose(logged, target, most)
        used = target if most is None else clip(target, most)
        predicted = reranked(logged, self._rate, EXAMINATION[new[self._there]])
        results = {
            "IPS": ips(logged, used),
            "SNIPS": snips(logged, used),
            "DR": doubly_robust(logged, used, predicted),
        }
        return results, checked


def _row(
    key: tuple[str, ...], results: list[tuple[Interval, float, Diagnostics]]
) -> Mapping[str, Any]:
    values = np.array([result.value for result, _, _ in results])
    own = np.array([truth for _, truth, _ in results])
    truth = float(own.mean())
    return {
        "system": ", ".join(key),
        "truth": truth,
        "bias": float((values - own).mean()),
        "rmse": float(np.sqrt(((values - truth) ** 2).mean())),
        "error": float(np.mean([result.error for result, _, _ in results])),
        "covered": sum(result.covers(truth) for result, _, _ in results),
        "of_own": sum(result.covers(t) for result, t, _ in results),
        "effective": float(
            np.mean([checked.effective / checked.rows for _, _, checked in results])
        ),
        "warned": sum(bool(checked.warnings) for _, _, checked in results),
    }


@commandline.command()
@commandline.option("--seeds", default=100, show_default=True)
@commandline.option("--sessions", default=6000, show_default=True, help="Of each seed.")
@commandline.option("--clip", "most", type=float, help="Cut weights at this one.")
@options
def main(
    seeds: int, sessions: int, most: float | None, data: Path | None, json_file: Path | None
) -> None:
    """Print coverage, bias and error of each estimator for three rankers."""
    begun = perf_counter()
    pages = make_pages(seed=1_000_000)
    rows: list[Mapping[str, Any]] = []
    for log in LOGS:
        of_log, shown = table(pages, log, seeds, sessions, most)
        rows += of_log
    note = "none clipped" if most is None else f"clipped at {most:g}"
    protocol = (
        f"generated shop, {len(pages.words)} most common queries, {seeds} seeds of {SHOPPERS} new "
        f"shoppers, {shown:.0f} rankings on average; examination known, weights {note}. truth: "
        "expected clicks a ranking, over the searches of all seeds. bias, rmse: of the estimates. "
        "error: their mean standard error. covered: seeds whose 95 % interval holds the truth; "
        "of_own: that hold the truth of the seed's own searches. effective: share of the rows; "
        "warned: seeds whose diagnostics warn"
    )
    report("counterfactual", protocol, rows, {"all": perf_counter() - begun}, json_file)


if __name__ == "__main__":
    main()
