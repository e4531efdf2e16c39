"""Who the page can pretend to be: the most active shoppers, each with what they like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_rerank.data.item import Item
from search_rerank.state.base import Past
from service.consent import opted_out
from service.in_time import items_of
from service.runtime import Runtime

SHOWN = 6
_LOOKED_AT = 40


@dataclass(frozen=True)
class Shopper:
    """A shopper of the switch, with a label a colleague understands."""

    user: str
    label: str


@dataclass(frozen=True)
class Deed:
    """One interaction as the panel shows it."""

    past: Past
    item: Item | None


def shoppers(run: Runtime, chosen: str | None) -> list[Shopper]:
    """Return the most active shoppers, and the chosen one where it is not among them."""
    names = [user for user, _ in run.state.shoppers(SHOWN) if not opted_out(run, user)]
    pasts = {name: run.state.history(name, None, _LOOKED_AT) for name in names}
    if chosen is not None and chosen not in names:
        names.append(chosen)
        private = opted_out(run, chosen)
        pasts[chosen] = () if private else run.state.history(chosen, None, _LOOKED_AT)
    ids = list(dict.fromkeys(past.item for history in pasts.values() for past in history))
    with run.pipeline() as pipeline:
        items, _ = items_of(pipeline, ids)
    return [Shopper(name, _label(name, pasts[name], items)) for name in names]


def deeds(run: Runtime, user: str | None, session: str | None, n: int) -> list[Deed]:
    """Return what was last done by the shopper, newest first."""
    past = list(run.state.history(user, session, n))[::-1]
    with run.pipeline() as pipeline:
        items, _ = items_of(pipeline, list({deed.item: None for deed in past}))
    return [Deed(deed, items.get(deed.item)) for deed in past]


def _label(user: str, history: Sequence[Past], items: Mapping[str, Item]) -> str:
    seen = [items[past.item] for past in history if past.item in items]
    likes = [
        counted.most_common(1)[0][0]
        for counted in (
            Counter(item.brand for item in seen if item.brand),
            Counter(item.category[-1] for item in seen if item.category),
        )
        if counted
    ]
    return f"{user} — likes {', '.join(likes)}" if likes else user
