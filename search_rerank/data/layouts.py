"""Folders of data that are known by the names of their files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from search_rerank.data import amazon, bestbuy, ranklens
from search_rerank.data.dataset import Dataset
from search_rerank.data.ids import IdMap
from search_rerank.data.lines import without_compression
from search_rerank.data.read import read_events, read_items
from search_rerank.data.refused import Refused
from search_rerank.data.rows import SUFFIXES
from search_rerank.errors import DataError

DATA_ROOT_VARIABLE = "SEARCH_RERANK_DATA"


@dataclass(frozen=True)
class Layout:
    """A kind of folder.

    Parameters
    ----------
    name
        What messages call it.
    files
        The files that make the folder one, as a user would be told.
    fits
        Whether the folder is one.
    read
        (folder, now_ms, refused) to its data.
    """

    name: str
    files: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, int, Refused], Dataset]


def load_dataset(folder: Path, now_ms: int, refused: Refused | None = None) -> Dataset:
    """Read a folder in one of the `LAYOUTS`.

    Parameters
    ----------
    now_ms
        The present, unix milliseconds; later events are refused.
    refused
        Gets the refused rows of all files; None counts them for nobody.

    Raises
    ------
    DataError
        Where the folder is missing or of no known layout, naming what it holds and the layouts.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with data, found {_what_is(folder)}")
    for layout in LAYOUTS:
        if layout.fits(folder):
            return layout.read(folder, now_ms, Refused() if refused is None else refused)
    names = sorted(path.name for path in folder.iterdir())
    found = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    known = "; ".join(f"{layout.name}: {layout.files}" for layout in LAYOUTS)
    raise DataError(
        f"{folder}: expected a folder in a known layout ({known}), found {found or 'no files'}"
    )


def load_catalogue(folder: Path, now_ms: int, refused: Refused | None = None) -> Dataset:
    """Read a folder as `load_dataset` does, but of a shop's own the catalogue alone."""
    if not folder.is_dir() or not _named(folder, "catalogue"):
        return load_dataset(folder, now_ms, refused)
    items = read_items(_only(folder, "catalogue"), Refused() if refused is None else refused)
    return Dataset(folder.resolve().name, list(items), [])


def data_root() -> Path:
    """Return the folder of the public data sets, which need not exist.

    It is the one that the environment variable SEARCH_RERANK_DATA names, else `shared/data` beside
    the checkout.
    """
    named = os.environ.get(DATA_ROOT_VARIABLE)
    if named:
        return Path(named)
    return Path(__file__).resolve().parents[3] / "shared" / "data"


def _what_is(path: Path) -> str:
    return "a file" if path.exists() else "nothing there"


def _named(folder: Path, stem: str) -> list[Path]:
    names = {stem + suffix for suffix in SUFFIXES}
    return sorted(path for path in folder.iterdir() if without_compression(path) in names)


def _only(folder: Path, stem: str) -> Path:
    paths = _named(folder, stem)
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise DataError(f"{folder}: expected one {stem} file, found {names}: remove all but one")
    return paths[0]


def _is_shop(folder: Path) -> bool:
    return bool(_named(folder, "catalogue") and _named(folder, "events"))


def _read_shop(folder: Path, now_ms: int, refused: Refused) -> Dataset:
    items = list(read_items(_only(folder, "catalogue"), refused))
    ids = IdMap(item.id for item in items)
    events = list(read_events(_only(folder, "events"), refused, ids, now_ms))
    return Dataset(folder.resolve().name, items, events)


def _is_amazon_beauty(folder: Path) -> bool:
    return all((folder / name).is_file() for name in amazon.FILES)


def _read_amazon_beauty(folder: Path, now_ms: int, refused: Refused) -> Dataset:
    return amazon.read_amazon_beauty(folder, refused)


def _read_ranklens(folder: Path, now_ms: int, refused: Refused) -> Dataset:
    return ranklens.read_ranklens(folder, refused)


def _is_bestbuy(folder: Path) -> bool:
    return all((folder / name).is_file() for name in bestbuy.FILES)


def _read_bestbuy(folder: Path, now_ms: int, refused: Refused) -> Dataset:
    return bestbuy.read_bestbuy(folder, refused)


LAYOUTS = (
    Layout(
        "shop",
        f"catalogue.* and events.* ({', '.join(SUFFIXES)}, also .gz or .zst)",
        _is_shop,
        _read_shop,
    ),
    Layout("amazon_beauty_5core", ", ".join(amazon.FILES), _is_amazon_beauty, _read_amazon_beauty),
    Layout(bestbuy.NAME, ", ".join(bestbuy.FILES), _is_bestbuy, _read_bestbuy),
    Layout(
        ranklens.NAME,
        f"{ranklens.EVENTS} that begins with items",
        ranklens.is_ranklens,
        _read_ranklens,
    ),
)
"""The known layouts; another one is a function that reads it and a row here."""
