"""Trees as machine code: LightGBM's own sums in a third of its time.

LightGBM walks each tree as a table of nodes; `lleaves` (Boehm, 2021) makes a function of each
tree, and one of their sum. The trees are added in LightGBM's order, one row at a time, so that a
score is the same to the last bit and whoever ranks without compiling ranks alike.

Another process makes the code (`search_rerank.fusion.compiler`) and hands it over through a pipe;
it is never a file, which would be something of a bundle that can run: who may write it could run
anything in a worker, and code for another processor would end one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, c_int32, c_void_p
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Scores = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Rows float32 (n, d) in, float64 (n,) out."""

_COMPILER = str(Path(__file__).with_name("compiler.py"))
_TIMEOUT_S = 120
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
    except NotCompiled:
        raise
    except Exception as error:  # whatever goes wrong, LightGBM is there
        raise NotCompiled(f"{type(error).__name__}: {error}") from error
    if differ:
        raise NotCompiled(
            f"expected the scores that LightGBM gives, found others for {differ} of {_ROWS} rows"
        )
    return scores


def _compiled(text: str) -> Scores:
    """Return what the code scores that another process makes of a model."""
    made = subprocess.run(
        [sys.executable, "-P", _COMPILER],
        input=text.encode(),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if made.returncode:
        why = made.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotCompiled(why or f"the compiler ended with {made.returncode}")
    told, code = made.stdout[:32], made.stdout[32:]
    if sha256(code).digest() != told:  # LLVM would end the process
        raise NotCompiled(f"expected an object file behind its hash, found {made.stdout[:40]!r}")
    return _MachineCode(code, len(_rows(text, "feature_infos=")[0]))


class _MachineCode:
    """The trees of an object file, in this process's memory."""

    def __init__(self, code: bytes, columns: int) -> None:
        import llvmlite.binding as llvm

        llvm.initialize()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine()
        self._columns = columns
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # owns the code
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = self._engine.get_function_address("forest_root")
        self._sum = CFUNCTYPE(None, c_void_p, c_void_p, c_int32, c_int32)(address)

    def __call__(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        if X.shape[1] != self._columns:  # it would read what is not there
            raise ValueError(f"expected {self._columns} columns, found {X.shape[1]}")
        rows = np.ascontiguousarray(X, dtype=np.float64)
        found = np.zeros(len(rows))
        self._sum(rows.ctypes.data, found.ctypes.data, 0, len(rows))
        return found


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
