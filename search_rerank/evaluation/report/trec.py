"""Runs and judgements in TREC's form, for tools that read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.occasions import Occasion

_UNSAFE = re.compile(r"[\s%]")
_SCALES = (1, 10, 100, 1000)


def escaped(id_: str) -> str:
    """Return an id without spaces: spaces and ``%`` as in a URL, ``a b`` as ``a%20b``."""
    return _UNSAFE.sub(lambda found: quote(found[0]), id_)


def query_id(number: int) -> str:
    """Return the id of a query by its number; `per_query.csv` says what it was."""
    return f"q{number + 1}"


def scale(occasions: Sequence[Occasion]) -> int:
    """Return the least power of ten, to 1000, that makes whole numbers of all gains.

    Judgements are whole numbers by tradition, and nDCG is the same for gains of any scale.
    """
    gains = np.unique([gain for one in occasions for gain in one.gains.values()])
    whole = (n for n in _SCALES if np.allclose(gains * n, np.rint(gains * n), atol=1e-6))
    return next(whole, _SCALES[-1])


def write_qrels(path: Path, occasions: Sequence[Occasion]) -> None:
    """Write what was taken, `qid 0 docid relevance`, with gains made whole by `scale`."""
    times = scale(occasions)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, occasion in enumerate(occasions):
            for id_, gain in occasion.gains.items():
                relevance = max(round(gain * times), 1)
                file.write(f"{query_id(number)} 0 {escaped(id_)} {relevance}\n")


def write_runs(
    folder: Path, lists: Mapping[str, NDArray[np.int32]], catalogue: Catalogue, prefix: str
) -> None:
    """Write `SYSTEM.run` for each system, `qid Q0 docid rank score tag`.

    Parameters
    ----------
    lists
        System to int32 (q, depth), item numbers by place, -1 past the end of a list.
    prefix
        Of the names of the files, the task's.

    Notes
    -----
    The score is the place counted from the end of the list: two systems' own scores are of
    different kinds, and readers break their ties in another way.
    """
    folder.mkdir(exist_ok=True)
    ids = [escaped(id_) for id_ in catalogue.ids.ids()]
    for system, places in lists.items():
        depth = places.shape[1]
        with (folder / f"{prefix}{system}.run").open("w", encoding="utf-8", newline="\n") as file:
            for number, row in enumerate(places.tolist()):
                own = query_id(number)
                for place, item in enumerate(row):
                    if item >= 0:
                        file.write(
                            f"{own} Q0 {ids[item]} {place + 1} {depth - place} {prefix}{system}\n"
                        )
