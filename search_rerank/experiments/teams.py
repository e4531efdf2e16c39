"""Which ranker chose each item of an interleaved list, as logged; credit from the clicks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from search_rerank.data.event import Event, Id, Interaction, Ranking
from search_rerank.data.item import explain
from search_rerank.data.lines import Problem
from search_rerank.data.rows import rows
from search_rerank.errors import DataError
from search_rerank.experiments.outcomes import CLICK, shopper_of

Teams = Sequence[Literal["a", "b"] | None]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ranking: Id
    teams: tuple[Literal["a", "b"] | None, ...]


def read_teams(path: Path) -> dict[str, Teams]:
    """Read `{"ranking": id, "teams": ["a", "b", null, …]}` rows, one a ranking.

    Parameters
    ----------
    path
        As `search_rerank.data.rows.rows`; teams are in the order of the ranking's items.

    Raises
    ------
    DataError
        Naming the first row that is wrong.
    """
    found: dict[str, Teams] = {}
    for line, row in rows(path):
        if isinstance(row, Problem):
            raise DataError(f"{path.name}:{line}: {row.reason}")
        try:
            read = _Row.model_validate(row)
        except ValidationError as error:
            raise DataError(f"{path.name}:{line}: {explain(error, _Row.model_fields)}") from None
        found[read.ranking] = read.teams
    return found


def credits(
    events: Iterable[Event], teams: Mapping[str, Teams], kind: str = CLICK
) -> tuple[NDArray[np.float64], list[str]]:
    """Return what each interleaved ranking says for a: items of a clicked minus items of b.

    Parameters
    ----------
    teams
        Ranking id to the team of each of its items.
    kind
        The type of interaction that counts; an item counts once a ranking.

    Returns
    -------
    tuple
        float64 (r,), and whose each ranking was; rankings of nobody are left out.

    Raises
    ------
    DataError
        Where no ranking of the log has teams, one has not as many as items, or nothing that counts
        was done in any.
    """
    credit: dict[str, float] = {}
    shoppers: dict[str, str] = {}
    team_of: dict[tuple[str, str], float] = {}
    taken: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, Interaction):
            if event.type == kind and event.ranking is not None:
                taken.append((event.ranking, event.item))
            continue
        who = shopper_of(event)
        if event.id in teams and who is not None:
            credit[event.id] = 0.0
            shoppers[event.id] = who
            team_of |= _signed(event, teams[event.id])
    if not credit:
        raise DataError(
            "expected rankings that have teams, found none: the teams' file names other rankings, "
            "or the log lacks rankings"
        )
    counted = [one for one in dict.fromkeys(taken) if one[0] in credit]
    if not counted:
        raise DataError(
            f"expected interactions of type {kind!r} that name a ranking with teams, found none: "
            "name the ranking in what is logged, or count another type"
        )
    for ranking, item in counted:
        credit[ranking] += team_of.get((ranking, item), 0.0)
    return np.array(list(credit.values())), list(shoppers.values())


def _signed(ranking: Ranking, teams: Teams) -> dict[tuple[str, str], float]:
    if len(teams) != len(ranking.items):
        raise DataError(
            f"ranking {ranking.id}: expected {len(ranking.items)} teams, one an item, found "
            f"{len(teams)}: log the teams of the items that were shown"
        )
    sign = {"a": 1.0, "b": -1.0}
    return {
        (ranking.id, item): sign[team]
        for item, team in zip(ranking.items, teams, strict=True)
        if team is not None
    }
