"""Arrays come back from a file as they were, the same ones in the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from search_rerank.arrays import read_columns, read_tensors, write_columns, write_tensors
from search_rerank.errors import BundleError

NUMBERS = st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
ANY = NUMBERS.flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


@given(named=st.dictionaries(st.text("abc_", min_size=1, max_size=5), ANY))
def test_numbers_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, named: dict[str, NDArray[np.generic]]
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    write_tensors(folder / "one", named)
    again = read_tensors(folder / "one")
    assert again.keys() == named.keys()
    for name, array in named.items():
        np.testing.assert_array_equal(again[name], array, strict=True)
    write_tensors(folder / "two", dict(reversed(named.items())))
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()


@pytest.mark.parametrize(
    "view", [lambda a: a.T, lambda a: a[::2], lambda a: a[:, ::-1], np.asfortranarray]
)
def test_a_view_is_written_as_it_reads(
    tmp_path: Path, view: Callable[[NDArray[np.generic]], NDArray[np.generic]]
) -> None:
    array = view(np.arange(12, dtype=np.float32).reshape(3, 4))
    write_tensors(tmp_path / "file", {"array": array})
    np.testing.assert_array_equal(read_tensors(tmp_path / "file")["array"], array, strict=True)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array([1j])])
def test_what_is_no_number_is_refused(tmp_path: Path, array: NDArray[np.generic]) -> None:
    with pytest.raises(
        TypeError, match=r"odd: expected numbers or truth values, found (<U1|obj|c)"
    ):
        write_tensors(tmp_path / "file", {"odd": array})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data[:5], lambda data: b"", lambda data: b"PK" + data],
    ids=["cut", "cut short", "empty", "another format"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "file.safetensors"
    write_tensors(file, {"array": np.arange(3)})
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BundleError, match=r"file.safetensors: expected arrays .*; train again"):
        read_tensors(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nothing: expected arrays as safetensors"):
        read_tensors(tmp_path / "nothing")


def test_strings_come_back_and_objects_do_not(tmp_path: Path) -> None:
    columns = {"id": np.array(["a", "ü"]), "n": np.arange(2)}
    write_columns(tmp_path / "columns.npz", columns)
    again = read_columns(tmp_path / "columns.npz")
    for name, array in columns.items():
        np.testing.assert_array_equal(again[name], array, strict=True)
    np.savez(tmp_path / "objects.npz", id=np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read_columns(tmp_path / "objects.npz")
