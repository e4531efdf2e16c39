from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.replayed_rows import _read, _write, selected, some
from tests.benchmarks.test_seeded import N, replayed


def test_columns_are_left_out_by_how_their_names_begin() -> None:
    table = replayed(["ann"]).table
    assert selected(table, ("wr",)).names == ("right",)
    np.testing.assert_array_equal(selected(table, ("wr",)).X[:, 0], table.column("right"))
    assert selected(table, ()) is table


def test_few_groups_are_spread_evenly_with_all_that_belongs_to_them() -> None:
    rows = replayed([f"s{n}" for n in range(5)])
    rows = replace(rows, missed=[[float(n)] for n in range(5)], items=np.arange(20, dtype=np.int32))
    few = some(rows, 3)
    np.testing.assert_array_equal(few.table.sizes, [N, N, N])
    assert few.shoppers == ["s0", "s2", "s4"]
    assert few.missed == [[0.0], [2.0], [4.0]]
    np.testing.assert_array_equal(few.gains, np.tile([0, 0, 0, 1], 3))
    np.testing.assert_array_equal(few.items, [*range(4), *range(8, 12), *range(16, 20)])
    assert some(rows, 5) is rows


def test_kept_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = replace(replayed(["ann", "bob", "eve"]), missed=[[], [1.0, 2.0], [3.0]])
    _write(tmp_path / "folder" / "rows.npz", rows)
    back = _read(tmp_path / "folder" / "rows.npz", rows.occasions)
    assert back.table.names == rows.table.names
    for one, other in (
        (back.table.X, rows.table.X),
        (back.table.offsets, rows.table.offsets),
        (back.table.engine_rank, rows.table.engine_rank),
        (back.gains, rows.gains),
        (back.items, rows.items),
        (back.places, rows.places),
    ):
        np.testing.assert_array_equal(one, other)
    assert back.missed == rows.missed
    assert back.shoppers == rows.shoppers
