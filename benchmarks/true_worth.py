"""Queries of the generated shop replayed, with what each candidate is truly worth to who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import Config, parse_config
from search_rerank.data.item import Item
from search_rerank.data.shop import Shop
from search_rerank.data.shop.clicks import attraction
from search_rerank.data.shop.truth import Truth
from search_rerank.engines import open_engine
from search_rerank.occasions import Occasion, from_log
from search_rerank.replay import Replayed
from search_rerank.training import as_of, cuts, spread
from search_rerank.workspace import Workspace

CANDIDATES = 100


@dataclass(frozen=True)
class World:
    """A shop whose training and test queries have been replayed.

    Parameters
    ----------
    train, test
        Queries with an interaction between the cuts, and after them those whose words are known to
        mean which items, by shoppers with an account.
    worth
        float64 (n,), for each row of the test the true chance of a click where all are looked at;
        0 for what the query does not mean.
    """

    config: Config
    train: Replayed
    test: Replayed
    worth: NDArray[np.float64]


def make_world(seed: int, made: Shop, train: int, test: int, home: Path) -> World:
    """Replay queries of a shop as training and evaluation do."""
    config = parse_config(
        {"home": home, "training": {"seed": seed}, "retrieval": {"k": CANDIDATES}}
    )
    workspace = Workspace(config)
    meant = meanings(made.items)
    known = set(made.truth.user_ids.tolist())
    with closing(open_engine(config)) as engine, workspace.cache() as cache:
        shop = workspace.shop(made.dataset(), engine, cache)
        cut = cuts(shop.events, config.training)

        def occasions(start_ms: int, end_ms: int) -> list[Occasion]:
            gains, labels = config.training.gains, config.labels
            return from_log(shop.events, start_ms, end_ms, gains, CANDIDATES, labels=labels)

        def replay(chosen: Sequence[Occasion], cut_ms: int) -> Replayed:
            with as_of(shop, cut_ms) as replay:
                return Replayed.concat(list(replay.run(shop.events, chosen, cut_ms)))

        learnt = replay(spread(occasions(cut.train, cut.test), train), cut.train)
        asked = [
            one
            for one in occasions(cut.test, cut.end)
            if one.query.user in known and one.query.text in meant
        ]
        held = replay(spread(asked, test), cut.test)
    return World(config, learnt, held, _worth(held, made.truth, meant))


def meanings(items: Sequence[Item]) -> dict[str, set[int]]:
    """Return each query that the old engine could be asked, and the items that have all its words.

    A query is a brand, a colour and an audience, each or none, and a type, section or department.
    """
    found: dict[str, set[int]] = {}
    for number, item in enumerate(items):
        whose = item.attributes.get("audience")
        extra = (item.brand, item.attributes.get("colour"), whose and f"{whose}'s")
        optional = [("", f"{word} ") if word else ("",) for word in extra]
        for brand, colour, audience, scope in product(*optional, item.category):
            found.setdefault(f"{brand}{colour}{audience}{scope}".lower(), set()).add(number)
    return found


def _worth(held: Replayed, truth: Truth, meant: Mapping[str, set[int]]) -> NDArray[np.float64]:
    values = np.zeros(len(held.gains))
    offsets = held.table.offsets
    for group, occasion in enumerate(held.occasions):
        rows = slice(int(offsets[group]), int(offsets[group + 1]))
        numbers = held.items[rows]
        right = np.isin(numbers, list(meant[occasion.query.text]))
        utility = truth.utility(occasion.query.user or "")[numbers].astype(np.float64)
        values[rows] = np.where(right, attraction(utility), 0.0)
    return values
