"""How the trees of LambdaMART are grown, as options and as LightGBM's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from search_rerank.errors import ConfigError, nearest

OBJECTIVES = ("lambdarank", "rank_xendcg")


@dataclass(frozen=True)
class TreeOptions:
    """How the trees are grown.

    Parameters
    ----------
    trees
        At most this many; fewer where the validation nDCG@10 stops rising.
    leaves, learning_rate, min_rows
        Size of a tree, step, and rows a leaf must hold.
    validation
        Share of the newest groups that decides when to stop; with 0 all trees are grown.
    patience
        Trees without a better validation nDCG@10 before stopping.
    seed, threads
        The same seed and threads on the same machine give the same model text.
    objective
        `lambdarank` (Burges, 2010), or `rank_xendcg` (Bruch, WWW 2021), quicker, which takes the
        labels by their order and not by their gains.
    truncation
        Pairs count of which one row is among so many first places; `lambdarank` only.
    features, rows
        Share of the columns a tree may use, and of the rows it is grown on.
    reg
        L2 penalty on the values of leaves.
    position_reg
        Penalty on the biases of places, where `LambdaMart.fit` is given positions.
    rising, falling
        Patterns of column names (`score.*`) by whose values the model may only rise, or fall.
    categorical
        Patterns of names of columns that hold numbers of categories, whole and from 0; others and
        NaN are missing. LightGBM splits them into sets.
    """

    trees: int = 200
    leaves: int = 31
    learning_rate: float = 0.06
    min_rows: int = 50
    validation: float = 0.15
    patience: int = 30
    seed: int = 0
    threads: int = 2
    objective: str = "lambdarank"
    truncation: int = 30
    features: float = 0.7
    rows: float = 0.8
    reg: float = 5.0
    position_reg: float = 0.0
    rising: tuple[str, ...] = ()
    falling: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


def parameters(
    options: TreeOptions, names: Sequence[str], label_gain: Sequence[float]
) -> dict[str, object]:
    """Return LightGBM's parameters.

    Parameters
    ----------
    names
        The columns of the table.
    label_gain
        The gain of each label from 0.

    Raises
    ------
    ConfigError
        On an unknown objective, a pattern that no column matches, and on a column that is to rise
        and to fall, or has an order and is categorical.
    """
    if options.objective not in OBJECTIVES:
        raise ConfigError(
            f"unknown objective {options.objective!r}{nearest(options.objective, OBJECTIVES)}"
        )
    rising = set(matching(names, options.rising))
    falling = set(matching(names, options.falling))
    unordered = set(matching(names, options.categorical))
    for one, other, what in (
        (rising, falling, "both rising and falling"),
        (rising | falling, unordered, "both categorical and rising or falling"),
    ):
        if one & other:
            raise ConfigError(f"expected columns of one kind, found {min(one & other)!r} {what}")
    found: dict[str, object] = {
        "objective": options.objective,
        "metric": "ndcg",
        "eval_at": [10],
        "label_gain": list(label_gain),
        "lambdarank_truncation_level": options.truncation,
        "lambdarank_position_bias_regularization": options.position_reg,
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "min_data_in_leaf": options.min_rows,
        "feature_fraction": options.features,
        "bagging_fraction": options.rows,
        "bagging_freq": 1,
        "lambda_l2": options.reg,
        "seed": options.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": options.threads,
        "verbosity": -1,
    }
    if rising or falling:
        found["monotone_constraints"] = [(n in rising) - (n in falling) for n in names]
        # The basic way cuts off whole subtrees; this one costs little and loses less.
        found["monotone_constraints_method"] = "intermediate"
    return found


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that match one of the patterns, in their order.

    Raises
    ------
    ConfigError
        On a pattern that matches none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(f"no column matches {pattern!r}{nearest(pattern, names)}")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
