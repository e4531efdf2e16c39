"""What the live index holds of that which rules name: their pinned items, and the attributes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from search_rerank.data.item import Item
from search_rerank.engines.base import Engine, live_version
from search_rerank.rules.pin import Pin
from search_rerank.rules.rule_set import RuleSet


@dataclass(frozen=True)
class Indexed:
    """What is known of an index; nothing where it was not asked.

    Parameters
    ----------
    items
        Pinned items, None for one that it does not hold; what is not here was not asked for.
    attributes
        Names of those that its items had when it was loaded; None where nobody knows.
    """

    items: Mapping[str, Item | None] = field(default_factory=dict)
    attributes: Collection[str] | None = None


UNKNOWN = Indexed()


def look_up(engine: Engine, rules: RuleSet) -> Indexed:
    """Return what the live index holds.

    Raises
    ------
    EngineError
        When it cannot tell.
    """
    pins = (rule for rule in rules.in_order if isinstance(rule, Pin))
    ids = list(dict.fromkeys(id_ for pin in pins for id_ in pin.places))
    items = dict(zip(ids, engine.items(ids) if ids else (), strict=True))
    live = live_version(engine)
    return Indexed(items, live.schema.attributes if live else None)
