"""Trees as machine code: LightGBM's own sums in a third of its time.

LightGBM walks each tree as a table of nodes; `lleaves` (Boehm, 2021) makes a function of each
tree, and one of their sum. The trees are added in LightGBM's order, one row at a time, so that a
score is the same to the last bit and whoever ranks without compiling ranks alike.

The code is made anew by each process and stays in its memory. As a file it would be something of a
bundle that can run: who may write it could run anything in a worker, and another processor's would
end one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from tempfile import NamedTemporaryFile

import numpy as np
from numpy.typing import NDArray

Scores = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Rows float32 (n, d) in, float64 (n,) out."""

_MOST_LEAVES = 20_000
"""Of all trees together: so many take about six seconds and 150 MB to compile."""
_NOTHING = np.float32(1e-35)
"""LightGBM takes numbers up to here for 0, and splits beside it: the same but for -1e-35 itself."""
_ROWS = 1000
_SHARE = 0.2
_ANYWHERE = (np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, 1e-36, 1e30, -1e30, *range(-1, 40))
"""What any column may hold: missing, without an end, next to nothing, a category."""


class NotCompiled(Exception):
    """Trees are not to be had as machine code: LightGBM has to go on."""


def can_compile() -> bool:
    """Return whether the compiler is installed; it is not imported."""
    return find_spec("lleaves") is not None


def compiled(text: str, lightgbm: Scores) -> Scores:
    """Return what scores rows as LightGBM does, any number of threads at a time.

    Parameters
    ----------
    text
        The model in LightGBM's text form.
    lightgbm
        What LightGBM itself says of rows; both are compared before anyone relies on it.

    Raises
    ------
    NotCompiled
        Where the trees are too many, the compiler fails on them, or a score differs.
    """
    leaves = sum(int(n) for row in _rows(text, "num_leaves=") for n in row)
    if leaves > _MOST_LEAVES:
        raise NotCompiled(f"expected at most {_MOST_LEAVES} leaves, found {leaves}")
    try:
        scores = _compiled(text)
        probes = _probes(text)
        differ = int((scores(probes) != lightgbm(probes)).sum())
    except Exception as error:  # it checks by assertions, and meets versions that it does not know
        raise NotCompiled(f"{type(error).__name__}: {error}") from error
    if differ:
        raise NotCompiled(
            f"expected the scores that LightGBM gives, found others for {differ} of {_ROWS} rows"
        )
    return scores


def _compiled(text: str) -> Scores:
    from lleaves import Model

    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        model = Model(file.name)
        # One block keeps LightGBM's order of adding up. Without inlining it compiles in a third of
        # the time, and is a tenth slower.
        model.compile(raw_score=True, fblocksize=max(1, model.num_trees()), finline=False)

    def scores(X: NDArray[np.float32]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.predict(X, n_jobs=1)
        return found

    return scores


def _probes(text: str) -> NDArray[np.float32]:
    """Return rows that would show a wrong comparison, float32 (_ROWS, d).

    A column holds where it is split and the next numbers on both sides, its bounds or categories,
    and what it never should.
    """
    parts: list[list[float]] = [
        [] if info == "none" else [float(part) for part in info.strip("[]").split(":")]
        for info in _rows(text, "feature_infos=")[0]
    ]
    splits = zip(_rows(text, "split_feature="), _rows(text, "threshold="), strict=True)
    for columns, thresholds in splits:
        for column, threshold in zip(columns, thresholds, strict=True):
            parts[int(column)].append(float(threshold))
    rng = np.random.default_rng(0)
    X = np.stack([rng.choice(_around(values), _ROWS) for values in parts], axis=1)
    anywhere = np.array(_ANYWHERE, dtype=np.float32)
    X = np.where(rng.random(X.shape) < _SHARE, rng.choice(anywhere, X.shape), X)
    return np.where(X == -_NOTHING, np.float32(0), X)


def _around(values: Sequence[float]) -> NDArray[np.float32]:
    """Return numbers and their neighbours, float32; of none, 0."""
    with np.errstate(over="ignore"):
        exact = np.array(values or [0.0]).astype(np.float32)
        sides = [np.nextafter(exact, np.float32(end)) for end in (-np.inf, np.inf)]
    return np.concatenate([exact, *sides])


def _rows(text: str, key: str) -> list[list[str]]:
    return [line.removeprefix(key).split() for line in text.splitlines() if line.startswith(key)]
