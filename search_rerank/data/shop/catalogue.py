"""The demo shop's products, as items to sell and as hidden columns that only the truth knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.data.shop.brands import BRANDS
from search_rerank.data.shop.pictures import picture
from search_rerank.data.shop.vocabulary import AUDIENCES, COLOURS, LINES, TYPES, ProductType

DAY_MS = 86_400_000
STYLES = 6
"""Hidden groups of lines that the same shoppers like; no field of the item tells them."""
LATE_SHARE = 0.1
"""Share of the lines that arrive while the log runs."""
_COLOUR_NAMES = tuple(COLOURS)


@dataclass(frozen=True)
class Products:
    """Columns of all products, n of them, in catalogue order.

    Parameters
    ----------
    items
        What the shop shows.
    kind, brand, colour, audience, style
        int32 (n,), numbers in `TYPES`, `BRANDS`, `COLOURS`, `AUDIENCES` and below `STYLES`.
    level
        float64 (n,), place of the price among those of the type, 0 cheapest to 1 dearest.
    quality
        float64 (n,), hidden, about standard normal.
    popularity
        float64 (n,), what the old engine believes: quality with noise.
    trend, phase
        float64 (n,), height and phase of the slow wave of the product's demand.
    first_ms
        int64 (n,), when it was first for sale; before the log for most.
    """

    items: Sequence[Item]
    kind: NDArray[np.int32]
    brand: NDArray[np.int32]
    colour: NDArray[np.int32]
    audience: NDArray[np.int32]
    style: NDArray[np.int32]
    level: NDArray[np.float64]
    quality: NDArray[np.float64]
    popularity: NDArray[np.float64]
    trend: NDArray[np.float64]
    phase: NDArray[np.float64]
    first_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)


def make_products(rng: np.random.Generator, n: int, start_ms: int, end_ms: int) -> Products:
    """Draw n products: lines of a brand, each in one to four colours."""
    lines = _lines(rng, n)
    group = np.repeat(np.arange(len(lines.kind)), lines.variants)[:n]
    kind, brand = lines.kind[group], lines.brand[group]
    colour = _colours(rng, lines.variants)[:n]
    quality = lines.quality[group] + 0.25 * rng.standard_normal(n)
    brand_level = np.array([entry.level for entry in BRANDS])[brand]
    median = np.array([entry.price for entry in TYPES])[kind]
    price = median * np.exp(1.3 * (brand_level - 0.5) + lines.price_noise[group])
    price = np.maximum(np.round(price), 3.0) - 0.05 + 0.04 * (brand_level < 0.5)
    popularity = 0.8 * quality + 0.6 * rng.standard_normal(n)
    late = rng.random(len(lines.kind)) < LATE_SHARE
    arrival = np.where(
        late,
        start_ms + rng.uniform(0.1, 0.92, len(late)) * (end_ms - start_ms),
        start_ms - rng.uniform(10, 400, len(late)) * DAY_MS,
    ).astype(np.int64)
    first_ms = arrival[group]
    age = np.clip((end_ms - first_ms) / (200 * DAY_MS), 0.05, 2)
    count = np.exp(3.2 + 0.7 * popularity + 0.5 * rng.standard_normal(n)) * age
    rating = np.clip(3.9 + 0.4 * quality + 0.15 * rng.standard_normal(n), 1, 5).round(1)
    in_stock = rng.random(n) < 0.95
    words = rng.integers(0, 1 << 30, n)
    items = []
    for row in range(n):
        line = lines.name[group[row]]
        fields = _wording(TYPES[kind[row]], line, lines, int(group[row]), int(words[row]))
        items.append(
            _item(
                fields,
                number=row,
                brand=BRANDS[brand[row]].name,
                colour=_COLOUR_NAMES[colour[row]],
                kind=TYPES[kind[row]],
                price=round(float(price[row]), 2),
                in_stock=bool(in_stock[row]),
                rating=float(rating[row]),
                rating_count=int(count[row]),
                group=int(group[row]),
                updated_ms=int(first_ms[row]),
            )
        )
    return Products(
        items=items,
        kind=kind,
        brand=brand,
        colour=colour,
        audience=lines.audience[group],
        style=lines.style[group],
        level=_places(price, kind),
        quality=quality,
        popularity=popularity,
        trend=np.abs(0.3 * rng.standard_normal(n)),
        phase=rng.random(n),
        first_ms=first_ms,
    )


@dataclass(frozen=True)
class _Lines:
    kind: NDArray[np.int32]
    brand: NDArray[np.int32]
    audience: NDArray[np.int32]
    style: NDArray[np.int32]
    use: NDArray[np.int32]
    material: NDArray[np.int32]
    quality: NDArray[np.float64]
    price_noise: NDArray[np.float64]
    variants: NDArray[np.int64]
    name: Sequence[str]


def _lines(rng: np.random.Generator, n: int) -> _Lines:
    variants = rng.choice([1, 2, 3, 4], size=n, p=[0.3, 0.3, 0.25, 0.15])
    m = int(np.searchsorted(np.cumsum(variants), n)) + 1
    kind = rng.permutation(np.arange(m) % len(TYPES)).astype(np.int32)
    sells = np.array([[k.path[0] in b.departments for b in BRANDS] for k in TYPES])
    brand = np.argmax(np.where(sells[kind], rng.random((m, len(BRANDS))), -1), axis=1)
    audience = np.where(
        np.array([k.audience for k in TYPES])[kind], rng.choice(3, m, p=[0.1, 0.5, 0.4]), 0
    )
    # A brand names its lines of one type differently: walk through the names, not draw them.
    start = rng.integers(0, len(LINES), m)
    taken: set[tuple[int, int, int]] = set()
    names = []
    for row in range(m):
        step = int(start[row])
        while (int(kind[row]), int(brand[row]), step) in taken:
            step += 1
        taken.add((int(kind[row]), int(brand[row]), step))
        edition, place = divmod(step, len(LINES))
        names.append(LINES[place] + (f" {edition + 1}" if edition else ""))
    return _Lines(
        kind=kind,
        brand=brand.astype(np.int32),
        audience=audience.astype(np.int32),
        style=rng.integers(0, STYLES, m).astype(np.int32),
        use=rng.integers(0, 1 << 20, m).astype(np.int32),
        material=rng.integers(0, 1 << 20, m).astype(np.int32),
        quality=rng.standard_normal(m),
        price_noise=0.25 * rng.standard_normal(m),
        variants=variants[:m],
        name=names,
    )


def _colours(rng: np.random.Generator, variants: NDArray[np.int64]) -> NDArray[np.int32]:
    """Draw distinct colours for the variants of each line."""
    order = np.argsort(rng.random((len(variants), len(COLOURS))), axis=1)
    keep = np.arange(len(COLOURS)) < variants[:, None]
    return order[keep].astype(np.int32)


def _places(price: NDArray[np.float64], kind: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return each price's place among those of its type, from 0 to 1."""
    place = np.zeros(len(price))
    for number in np.unique(kind):
        rows = np.flatnonzero(kind == number)
        rank = np.empty(len(rows))
        rank[np.argsort(price[rows], kind="stable")] = np.arange(len(rows))
        place[rows] = rank / max(len(rows) - 1, 1)
    return place


_SECOND_SENTENCES = (
    "A favourite of the house.",
    "Made to last, easy to care for.",
    "Comes with a two-year guarantee.",
    "Designed in a small studio, made in small batches.",
    "Packed without plastic.",
    "",
)


def _wording(kind: ProductType, line: str, lines: _Lines, group: int, word: int) -> dict[str, str]:
    material = kind.materials[lines.material[group] % len(kind.materials)] if kind.materials else ""
    return {
        "line": line,
        "use": kind.uses[lines.use[group] % len(kind.uses)],
        "material": material,
        "audience": AUDIENCES[lines.audience[group]],
        "second": _SECOND_SENTENCES[word % len(_SECOND_SENTENCES)],
    }


def _item(
    fields: dict[str, str],
    number: int,
    brand: str,
    colour: str,
    kind: ProductType,
    price: float,
    in_stock: bool,
    rating: float,
    rating_count: int,
    group: int,
    updated_ms: int,
) -> Item:
    words = [brand, fields["line"], fields["audience"], fields["use"], kind.name]
    title = " ".join(word for word in words if word) + f", {colour}"
    made = f"{fields['material']} " if fields["material"] else ""
    noun = kind.name if kind.name[:2].isupper() else kind.name.lower()
    first = f"{fields['use']} {made.lower()}{noun} in {colour.lower()} {kind.benefit}."
    attributes: dict[str, Any] = {"colour": colour, "line": fields["line"]}
    if fields["material"]:
        attributes["material"] = fields["material"]
    if fields["audience"]:
        attributes["audience"] = fields["audience"].removesuffix("'s")
    if kind.sizes:
        attributes["size"] = list(kind.sizes)
    id_ = f"p{number:05d}"
    # Every field is known to be right (a test parses them all); checking each takes as long again.
    return Item.model_construct(
        id=id_,
        title=title,
        description=f"{first} {fields['second']}".strip(),
        brand=brand,
        category=[*kind.path, kind.name],
        price=price,
        currency="EUR",
        in_stock=in_stock,
        rating=rating,
        rating_count=rating_count,
        image_url=picture(kind.shape, COLOURS[colour]),
        url=f"/items/{id_}",
        group_id=f"g{group:05d}",
        updated_at=datetime.fromtimestamp(updated_ms // 1000, tz=UTC),
        attributes=attributes,
    )
