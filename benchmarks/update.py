"""Scorers updated with the end of a log beside scorers fitted on all of it: seconds, closeness.

    python -m benchmarks.update [--scorers NAME,NAME] [--until Q] [--json FILE] [--data DIR]

The log before the quantile `--until` of its times is what a refit sees. Each scorer is fitted on
the first 90 % of it and updated with the rest, at once and in ten steps. Shoppers with a history
who did something later are asked for; all items they have not had are ranked.

`same@20`: share of the refit's twenty best that are among the other's twenty best. `rank`: rank
correlation of the scores of the refit's hundred best. `stale` is not updated, `once` and `ten` are;
`seed` is a refit with another seed, where the scorer has one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.full_ranking import Task, best, measure
from search_rerank.config import EncoderConfig
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import GAINS
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.layouts import data_root, load_dataset
from search_rerank.encoders import fit_encoder
from search_rerank.scorers import SCORERS, create
from search_rerank.scorers.base import Scorer
from search_rerank.scorers.news import How, News
from search_rerank.state.sqlite import SqliteState, StoredLog

NAME = "amazon_beauty_5core"
SEEN = 0.9
STEPS = 10
SHOPPERS = 300
NEAR, DEEP = 20, 100
NOT_YET = 4_102_444_800_000
"""2100: later than any log."""


def read(folder: Path, until: float) -> tuple[Task, int]:
    """Return the log with its shoppers, and the time that ends what a refit sees."""
    dataset = load_dataset(folder, NOT_YET)
    encoder = fit_encoder(EncoderConfig(dim=64), (item.text() for item in dataset.items))
    vectors = encoder.encode([item.text() for item in dataset.items])
    catalogue = Catalogue.from_items(dataset.items, vectors)
    events = Events.from_events(dataset.events, catalogue.ids)
    end_ms = int(np.quantile(events.time_ms, until))
    before = events.before(end_ms)
    had = _by_user(before)
    asked = {
        user: np.setdiff1d(items, had[user])
        for user, items in _by_user(events.where(events.time_ms >= end_ms)).items()
        if user in had
    }
    users = sorted(user for user, items in asked.items() if len(items))
    histories = [had[user] for user in users]
    targets = [asked[user] for user in users]
    return Task(before, catalogue, histories, targets).spread(SHOPPERS), end_ms


def _by_user(events: Events) -> dict[int, NDArray[np.int32]]:
    rows = np.flatnonzero(events.user >= 0)
    rows = rows[np.argsort(events.user[rows], kind="stable")]
    users, first = np.unique(events.user[rows], return_index=True)
    return dict(zip(users.tolist(), np.split(events.item[rows], first[1:]), strict=True))


def stepped(scorer: Scorer, task: Task, cuts_ms: Sequence[int]) -> tuple[Scorer, How, float]:
    """Return a scorer updated from each time to the next, how, and the seconds of a step."""
    start = perf_counter()
    how: How = "kept"
    for since_ms, now_ms in zip(cuts_ms, cuts_ms[1:], strict=False):
        whole = task.events.before(now_ms)
        new = whole.time_ms >= since_ms
        news = News.of(whole, new, task.catalogue, since_ms=since_ms, now_ms=now_ms)
        scorer, how = scorer.update(news)
    return scorer, how, (perf_counter() - start) / (len(cuts_ms) - 1)


@dataclass(frozen=True)
class Ranked:
    """What a scorer says to every shopper: all items' scores, and the best unseen ones in order."""

    scores: Sequence[NDArray[np.float32]]
    lists: Sequence[NDArray[np.intp]]

    @classmethod
    def by(cls, scorer: Scorer, task: Task, now_ms: int) -> Ranked:
        """Ask a scorer for every shopper of the task."""
        items = np.arange(len(task.catalogue), dtype=np.int32)
        scores = [scorer.score(History.of(seen, now_ms=now_ms), items) for seen in task.histories]
        pairs = zip(scores, task.histories, strict=True)
        return cls(scores, [best(of, seen, DEEP) for of, seen in pairs])

    def same(self, refit: Ranked) -> float:
        """Return the mean share of the refit's first twenty that are among these."""
        pairs = zip(refit.lists, self.lists, strict=True)
        shares = [np.isin(one[:NEAR], two[:NEAR]).mean() for one, two in pairs if len(one)]
        return float(np.mean(shares))

    def rank(self, refit: Ranked) -> float:
        """Return the mean rank correlation over the refit's first hundred."""
        from scipy.stats import rankdata

        found = []
        for one, two, deep in zip(refit.scores, self.scores, refit.lists, strict=True):
            a, b = rankdata(one[deep]), rankdata(np.nan_to_num(two[deep], nan=-np.inf))
            if len(deep) > 1 and np.ptp(a) and np.ptp(b):
                found.append(np.corrcoef(a, b)[0, 1])
        return float(np.mean(found))


def reading_s(events: Events) -> float:
    """Return the seconds that it takes to read a whole log from a state, as columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite3"
        with closing(SqliteState(path, GAINS)) as state:
            state.append(events.log)
            start = perf_counter()
            with StoredLog(path) as log:
                Events.from_told(log.all(), events.items)
            return perf_counter() - start


def row(name: str, given: Mapping[str, Any], task: Task, end_ms: int) -> dict[str, Any]:
    """Return one scorer's row of the table."""
    cuts = np.quantile(task.events.time_ms, np.linspace(SEEN, 1, STEPS + 1))
    cuts_ms = [*cuts[:-1].astype(int).tolist(), end_ms]
    learnt = (task.events, task.catalogue)
    stale = create(name, given).fit(*learnt, now_ms=cuts_ms[0])
    start = perf_counter()
    refit = create(name, given).fit(*learnt, now_ms=end_ms)
    fit_s = perf_counter() - start
    once, how, update_s = stepped(stale, task, [cuts_ms[0], end_ms])
    ten, step_s = once, update_s  # a refit is the same whatever was before it
    if how != "refitted":
        ten, _, step_s = stepped(stale, task, cuts_ms)
    found: dict[str, Any] = {"system": name, "how": how, "fit_s": fit_s, "update_s": update_s}
    found["step_s"] = step_s
    asked = {"refit": refit, "stale": stale, "once": once, "ten": ten}
    if "seed" in refit.options():
        asked["seed"] = create(name, {**given, "seed": 1}).fit(*learnt, now_ms=end_ms)
    ranked = {label: Ranked.by(scorer, task, end_ms) for label, scorer in asked.items()}
    for label in list(asked)[1:]:
        found[f"{label} same@{NEAR}"] = ranked[label].same(ranked["refit"])
    for label in ("once", "ten"):
        found[f"{label} rank"] = ranked[label].rank(ranked["refit"])
    for label in asked:
        found[f"{label} nDCG@10"] = float(measure(ranked[label].lists, task, 10)["nDCG@10"].mean())
    return found


@click.command(help=__doc__)
@click.option("--scorers", default=",".join(SCORERS), help="Names, with commas between.")
@click.option("--until", type=click.FloatRange(0.1, 1), default=0.9, show_default=True)
@options
def main(scorers: str, until: float, json_file: Path | None, data: Path | None) -> None:
    """Print one row a scorer."""
    task, end_ms = read(data or data_root() / NAME, until)
    log_s = reading_s(task.events)
    protocol = (
        f"{NAME}: {len(task.events):,} interactions before the {until} quantile, read from a state "
        f"in {log_s:.1f} s; the last {1 - SEEN:.0%} of them are new; {len(task.histories):,} "
        "shoppers"
    )
    rows = []
    for name in scorers.split(","):
        rows.append(row(name, {}, task, end_ms))
        click.echo(rows[-1], err=True)
    report("update", protocol, rows, {"reading the log": log_s}, json_file)


if __name__ == "__main__":
    main()
