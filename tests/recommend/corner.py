"""A corner shop made by hand, in which what must be recommended is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Answer
from search_rerank.bundle import Bundle
from search_rerank.config import Config
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import GAINS, Interaction
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.engines.base import Document, Engine, IndexSchema
from search_rerank.features.table import FeatureTable
from search_rerank.pipeline import Pipeline
from search_rerank.query import Filters
from search_rerank.recommend.request import Recommend
from search_rerank.scorers import create
from search_rerank.state.memory import MemoryState

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
KINDS = ("boot", "lamp", "mug")
EACH = 8
NEW = "new-boot"
"""In the index, not in the bundle; as near to every boot as they are to each other."""
SCORERS = ("popularity", "item_knn", "content")


def item(kind: str, n: int) -> Item:
    return Item(
        id=f"{kind}{n}",
        title=f"{kind} number {n}",
        brand=f"maker {n % 2}",
        category=["Shop", f"{kind}s"],
        price=10.0 * (n + 1),
        in_stock=n != 7,
        attributes={"since": NOW_MS - n * DAY_MS} if kind == "lamp" else {},
    )


ITEMS = [item(kind, n) for kind in KINDS for n in range(EACH)]
_NEW = Item(id=NEW, title="boot just in", category=["Shop", "boots"], price=15.0, in_stock=True)


def vector(id_: str) -> NDArray[np.float32]:
    """Return one axis for each kind, and a little of a fourth that grows with the number."""
    kind = next(n for n, name in enumerate(KINDS) if name in id_)
    found = np.zeros(4, dtype=np.float32)
    found[kind] = 1.0
    found[3] = 0.01 * int(id_[-1]) if id_ != NEW else 0.0
    return found / np.linalg.norm(found)


def did(
    who: str | None, id_: str, days_ago: float, type_: str = "click", **more: Any
) -> Interaction:
    time_ms = int(NOW_MS - days_ago * DAY_MS)
    row = {"id": f"{who}-{id_}-{time_ms}-{type_}-{more}", "timestamp": time_ms, "user": who}
    return Interaction.model_validate(row | {"item": id_, "type": type_} | more)


def log() -> list[Interaction]:
    """Return what taught: boots and mugs of one number go together, low numbers sell best."""
    rows = []
    for n in range(EACH - 2):
        for buyer in range(EACH - n):
            who = f"buyer {n} {buyer}"
            rows += [did(who, f"boot{n}", 20, "purchase"), did(who, f"mug{n}", 19.9, "purchase")]
    rows += [did(f"reader {n}", "lamp0", 25) for n in range(3)]
    return rows


class Encoder:
    """Gives no text a vector; its name is all that counts."""

    dim = 4
    fingerprint = "by hand"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), self.dim), dtype=np.float32)


class ByColumn:
    """Ranks by one feature; NaN last."""

    def __init__(self, column: str) -> None:
        self.column = column

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        values = table.column(self.column).astype(np.float64)
        return np.where(np.isnan(values), -1e9, values)


@cache
def bundle(column: str = "item.demand_30d", scorers: tuple[str, ...] = SCORERS) -> Bundle:
    """Return what was learnt from the log; it ranks by a column."""
    catalogue = Catalogue.from_items(ITEMS, np.stack([vector(one.id) for one in ITEMS]))
    events = Events.from_events(log(), catalogue.ids)
    fitted = [create(name).fit(events, catalogue, now_ms=NOW_MS) for name in scorers]
    ranker: Any = ByColumn(column)
    encoder: Any = Encoder()
    return Bundle(catalogue, fitted, encoder, {"": {"cascade": ranker}}, (), Config(), version="b1")


def document(of: Item) -> Document:
    return Document(of, vector(of.id))


def fill(engine: Engine) -> None:
    """Write all items, the new one too, to a live version."""
    version = engine.create(IndexSchema(4, Encoder.fingerprint, ("since",)))
    engine.write(version, [document(one) for one in [*ITEMS, _NEW]])
    engine.seal(version)
    engine.promote(version)


@dataclass(frozen=True)
class Corner:
    """The shop's engine, and a state of its own for each test."""

    engine: Engine
    state: MemoryState
    config: Config

    @classmethod
    def on(cls, engine: Engine, home: Path) -> Corner:
        state = MemoryState(GAINS)
        state.append(log())
        return cls(engine, state, Config(home=home))

    def pipeline(self, learnt: Bundle | None, **sections: Any) -> Pipeline:
        return Pipeline(self.config.model_copy(update=sections), self.engine, self.state, learnt)

    def ask(self, learnt: Bundle | None, **asked: Any) -> Answer:
        personalise = asked.pop("personalise", True)
        return self.pipeline(learnt).recommend(
            Recommend(now_ms=NOW_MS, **asked), personalise=personalise
        )

    def when(self, *events: Interaction) -> Corner:
        """Return the shop after these interactions."""
        self.state.append(events)
        return replace(self)


def ids(answer: Answer) -> list[str]:
    return [hit.id for hit in answer.hits]


def of(**terms: str) -> Filters:
    return Filters(terms={name: (value,) for name, value in terms.items()})
