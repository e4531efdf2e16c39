"""One ranked request as it was served: what went in, and the features that were made of it."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from search_rerank.data.item import explain
from search_rerank.query import Candidates, Query

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FAST = 1
"""Level of compression: columns that are the same for all candidates vanish at any level."""


class _Row(BaseModel):
    """What a line must hold; a value of another type is a `ValueError`."""

    model_config = ConfigDict(strict=True, frozen=True)

    id: str
    bundle: str
    now_ms: int
    mark: int
    query: str
    user: str | None
    session: str | None
    personalise: bool
    item: str | None
    failed: list[str]
    candidates: list[str]
    engine: str
    features: str
    order: str
    shown: int


@dataclass(frozen=True)
class Served:
    """Everything that ranking was given, beside what the state held, and the features it made.

    Parameters
    ----------
    id
        The answer's, which interactions name as their ranking.
    bundle
        Version of the bundle that ranked.
    query
        Who asked for what and when, with the text that was searched. Filters, facets and `k` are
        not kept: no feature reads them.
    mark
        Number of the newest interaction or page that the state held, see `State.mark`.
    personalise
        Whether the history was read.
    item
        Id of the item looked at, which ended the history; None where there was none.
    failed
        Scorers that failed: their columns say nothing.
    candidates
        Ids and the engine's scores, in the engine's order.
    names
        The feature columns.
    X
        float32 (n, d).
    order
        int32 (m,), rows of the candidates as they were ranked, best place first; without those that
        rules of the shop left out.
    shown
        How many places of that order the shopper has seen at most.
    """

    id: str
    bundle: str
    query: Query
    mark: int
    personalise: bool
    item: str | None
    failed: tuple[str, ...]
    candidates: Candidates
    names: tuple[str, ...]
    X: NDArray[np.float32]
    order: NDArray[np.int32]
    shown: int

    def line(self) -> bytes:
        """Return the request as one line of JSON; the names stand once before it, see `heading`.

        Arrays are little-endian, column by column, compressed (zstd) and in base64.
        """
        found = self.candidates
        row = {
            "id": self.id,
            "bundle": self.bundle,
            "now_ms": self.query.now_ms,
            "mark": self.mark,
            "query": self.query.text,
            "user": self.query.user,
            "session": self.query.session,
            "personalise": self.personalise,
            "item": self.item,
            "failed": self.failed,
            "candidates": found.ids,
            "engine": _packed(np.column_stack([found.lexical, found.vector, found.score]), "<f4"),
            "features": _packed(self.X, "<f4"),
            "order": _packed(self.order, "<i4"),
            "shown": self.shown,
        }
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def of_row(cls, row: Mapping[str, Any], names: Sequence[str]) -> Served:
        """Return what `line` wrote, decoded; `ValueError` where it is something else.

        Parameters
        ----------
        names
            The feature columns that were announced for its bundle.
        """
        try:
            read = _Row.model_validate(row)
        except ValidationError as error:
            raise ValueError(explain(error, _Row.model_fields)) from None
        ids = read.candidates
        lexical, vector, score = _unpacked(read.engine, "<f4", 3, len(ids)).astype(np.float32)
        X = _unpacked(read.features, "<f4", len(names), len(ids)).astype(np.float32)
        return cls(
            id=read.id,
            bundle=read.bundle,
            query=Query(
                text=read.query,
                user=read.user,
                session=read.session,
                k=len(ids),
                now_ms=read.now_ms,
            ),
            mark=read.mark,
            personalise=read.personalise,
            item=read.item,
            failed=tuple(read.failed),
            candidates=Candidates(ids, lexical, vector, score, total=len(ids)),
            names=tuple(names),
            X=np.ascontiguousarray(X.T),
            order=_rows(read.order, len(ids)),
            shown=read.shown,
        )


def heading(bundle: str, names: Sequence[str]) -> bytes:
    """Return the line that announces the feature columns of a bundle's requests."""
    row = {"bundle": bundle, "names": list(names)}
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _packed(array: NDArray[Any], dtype: str) -> str:
    columns = np.asarray(array, dtype=dtype).T.tobytes()
    return b64encode(zstd.compress(columns, _FAST)).decode("ascii")


def _rows(text: str, n: int) -> NDArray[np.int32]:
    """Return an order of some of n rows; `ValueError` where the text holds other values."""
    rows: NDArray[np.int32] = _unpacked(text, "<i4", 1, -1)[0].astype(np.int32)
    if len(np.unique(rows)) < len(rows) or not np.isin(rows, np.arange(n)).all():
        raise ValueError(f"expected different rows below {n} as the order, found others")
    return rows


def _unpacked(text: str, dtype: str, columns: int, rows: int) -> NDArray[Any]:
    """Return (columns, rows); `ValueError` where the text holds another number of values.

    -1 for the rows takes however many there are.
    """
    try:
        data = zstd.decompress(b64decode(text, validate=True))
    except zstd.ZstdError as error:
        raise ValueError(f"expected compressed values, found others ({error})") from None
    return np.frombuffer(data, dtype=dtype).reshape(columns, rows)
