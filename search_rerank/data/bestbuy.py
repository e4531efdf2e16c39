"""Best Buy's mobile shop, games (Kaggle, 2012): what real shoppers typed and then clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Interaction, parse_time_ms
from search_rerank.data.item import Item, explain, parse_item
from search_rerank.data.judgements import read_products
from search_rerank.data.refused import Refused
from search_rerank.data.tables import table
from search_rerank.errors import DataError

NAME = "bestbuy_xbox_small"
CLICKS = "clicks.csv.gz"
PRODUCTS = "products.csv.gz"
FILES = (CLICKS, PRODUCTS)
_NEEDED = ("user", "sku", "query", "click_time", "query_time")


@dataclass(frozen=True)
class Clicked:
    """One click and when its query was asked.

    Parameters
    ----------
    event
        The click, at its own time.
    asked_ms
        Unix milliseconds; what a ranking of the query could know lies before.
    """

    event: Interaction
    asked_ms: int


def read_bestbuy(folder: Path, refused: Refused | None = None) -> Dataset:
    """Read the set from its folder.

    The log tells clicks and not what was shown, so that an occasion of it is at the click's time;
    for the time of the query see `read_clicks`.

    Raises
    ------
    DataError
        Where a file is missing or lacks a column.
    """
    items, clicks = read_clicks(folder, refused)
    return Dataset(NAME, items, [click.event for click in clicks])


def read_clicks(
    folder: Path, refused: Refused | None = None
) -> tuple[Sequence[Item], Sequence[Clicked]]:
    """Return the products and the clicks in time order; times are UTC.

    A product that was clicked and has no name is named by its number, and noted in `refused`.

    Raises
    ------
    DataError
        Where a file is missing or lacks a column.
    """
    refused = Refused() if refused is None else refused
    named = read_products(
        folder / PRODUCTS,
        ("sku", "name"),
        lambda row: {"id": row["sku"], "title": row["name"]},
        refused,
    )
    items = {item.id: item for item in named}
    clicks = []
    for line, row in table(folder / CLICKS, _NEEDED, refused):
        try:
            click = Clicked(
                Interaction(
                    id=f"{NAME}-{line}",
                    time_ms=parse_time_ms(row["click_time"]),
                    user=row["user"],
                    item=row["sku"],
                    type="click",
                    query=row["query"],
                ),
                parse_time_ms(row["query_time"]),
            )
            if click.asked_ms > click.event.time_ms:
                raise DataError(f"query_time: expected none after the click, found {row}")
        except ValidationError as error:
            refused.add(CLICKS, line, explain(error, Interaction.model_fields), row)
            continue
        except (DataError, ValueError) as error:
            refused.add(CLICKS, line, str(error), row)
            continue
        clicks.append(click)
        sku = click.event.item
        if sku not in items:
            items[sku] = parse_item({"id": sku, "title": f"Product {sku}"})
            refused.note("clicked products without a name named by their number")
    clicks.sort(key=lambda click: click.event.time_ms)
    return list(items.values()), clicks
