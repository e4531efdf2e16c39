"""The generated demo shop: a catalogue, a log, and the truth behind them; docs/demo-shop.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Event
from search_rerank.data.item import Item
from search_rerank.data.shop.brands import BRANDS
from search_rerank.data.shop.catalogue import DAY_MS, Products, make_products
from search_rerank.data.shop.clicks import EXAMINATION, make_clicks
from search_rerank.data.shop.log import make_log
from search_rerank.data.shop.old_engine import show
from search_rerank.data.shop.searches import make_searches
from search_rerank.data.shop.shoppers import OPPOSITES_DEPARTMENT, Shoppers, make_shoppers
from search_rerank.data.shop.truth import Truth, load_truth
from search_rerank.errors import DataError

END_MS = 1_756_684_800_000
"""End of the log where none is given: 1 September 2025, 00:00 UTC."""
DAYS = 120
"""Length of the log."""
_EVENTS_PER_SESSION = 3.0
"""Fewer than sessions have, also in a small catalogue, so that enough are drawn."""


@dataclass(frozen=True)
class Shop:
    """A generated shop: its catalogue, its log in time order, and what they were made of."""

    items: Sequence[Item]
    events: Sequence[Event]
    truth: Truth

    def dataset(self) -> Dataset:
        """Return what trainings and evaluations read; it knows nothing of the truth."""
        return Dataset("shop", self.items, self.events)


def generate(
    seed: int = 0,
    products: int = 3000,
    shoppers: int = 1500,
    events: int = 100_000,
    end_ms: int = END_MS,
) -> Shop:
    """Make a shop; the same arguments give the same shop.

    Parameters
    ----------
    products, shoppers, events
        How many; there are a few more events than asked for, to end with a whole session.
    end_ms
        Unix milliseconds after which nothing happens; the log spans the `DAYS` days before.

    Raises
    ------
    DataError
        Where a number is too small to make a shop of.
    """
    for name, value, least in (
        ("products", products, 50),
        ("shoppers", shoppers, 2),
        ("events", events, 1),
        ("end_ms", end_ms, 2 * DAYS * DAY_MS),
    ):
        if value < least:
            raise DataError(f"{name}: expected at least {least}, found {value}: ask for more")
    start_ms = end_ms - DAYS * DAY_MS
    rng = np.random.default_rng(seed)
    stock = make_products(rng, products, start_ms, end_ms)
    people = make_shoppers(rng, shoppers, start_ms, end_ms)
    sessions = int(events / _EVENTS_PER_SESSION) + 50
    searches = make_searches(rng, people, stock, sessions, start_ms, end_ms)
    shown = show(rng, stock, searches)
    clicks = make_clicks(rng, stock, people, searches, shown)
    log = make_log(stock, people, searches, shown, clicks, events, end_ms)
    return Shop(stock.items, log, _truth(stock, people))


def write_shop(shop: Shop, folder: Path) -> None:
    """Write `catalogue.jsonl`, `events.jsonl` and `truth.npz` to a folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "catalogue.jsonl").open("wb") as file:
        file.writelines(item.to_json() + b"\n" for item in shop.items)
    with (folder / "events.jsonl").open("wb") as file:
        file.writelines(event_json(event) + b"\n" for event in shop.events)
    shop.truth.save(folder / "truth.npz")


def read_truth(folder: Path) -> Truth:
    """Read the truth of the shop that `write_shop` wrote to a folder; errors as `load_truth`."""
    return load_truth(folder / "truth.npz")


def event_json(event: Event) -> bytes:
    """Return an event as one JSON row; fields without a value are left out."""
    row = {name: value for name, value in event.__dict__.items() if value is not None}
    row["timestamp"] = row.pop("time_ms")
    return orjson.dumps(row)


def _truth(products: Products, shoppers: Shoppers) -> Truth:
    a, n = shoppers.accounts, len(products)
    users = np.array([f"u{who:05d}" for who in range(a)])
    who, items = np.arange(a, dtype=np.int32)[:, None], np.arange(n, dtype=np.int32)
    return Truth(
        item_ids=np.array([item.id for item in products.items]),
        user_ids=users,
        quality=products.quality,
        utilities=shoppers.utility(who, products, items).astype(np.float32),
        examination=EXAMINATION,
        brand_taste=shoppers.brand[:a],
        brands=np.array([brand.name for brand in BRANDS]),
        item_first_ms=products.first_ms,
        user_first_ms=shoppers.first_ms[:a],
        opposites=np.array([users[0], users[1], OPPOSITES_DEPARTMENT.lower()]),
    )
