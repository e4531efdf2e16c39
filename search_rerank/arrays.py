"""Named arrays as one file: safetensors for numbers, npz where there are strings; no pickle."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import BundleError


def write_columns(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write named arrays, of strings too, as an npz."""
    named: dict[str, Any] = dict(arrays)
    np.savez(path, **named)


def read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_columns` wrote; arrays of objects are refused with a ValueError."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def write_tensors(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write named arrays of numbers as safetensors; the same arrays give the same bytes.

    Raises
    ------
    TypeError
        For an array of another type, such as strings or objects.
    OSError
        Where the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name}: expected numbers or truth values, found {array.dtype}")
    # The format knows rows only, and would write those of a transposed view in its memory's order.
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    try:
        save_file(ordered, path)
    except SafetensorError as error:  # the disk is full
        raise OSError(errno.EIO, str(error), str(path)) from error


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_tensors` wrote.

    Raises
    ------
    BundleError
        For a file that is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(
            f"{path}: expected arrays as safetensors ({error}); train again or roll back to "
            "another bundle"
        ) from None


def pack_texts(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return texts as numbers: their UTF-8 one after the other, and characters of each."""
    whole = "".join(texts).encode("utf-8", "surrogatepass")
    return np.frombuffer(whole, dtype=np.uint8), np.fromiter(map(len, texts), dtype=np.int32)


def unpack_texts(blob: NDArray[np.uint8], length: NDArray[np.int32]) -> list[str]:
    """Return what `pack_texts` packed."""
    whole = blob.tobytes().decode("utf-8", "surrogatepass")
    return [whole[a:b] for a, b in pairwise(accumulate(length.tolist(), initial=0))]


def named(name: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of one part of a whole, under its name."""
    return {f"{name}.{one}": array for one, array in arrays.items()}


def part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Return what `named` was given."""
    prefix = f"{name}."
    return {one.removeprefix(prefix): arrays[one] for one in arrays if one.startswith(prefix)}
