"""Public logs of ids: read in order, refused with the place, and turned into events."""

from pathlib import Path

import numpy as np
import pytest

from search_rerank.data.sequences import catalogue_of, events_of, read_lists, read_pairs
from search_rerank.errors import DataError


def test_lists_and_pairs_give_the_same_histories(tmp_path: Path) -> None:
    lists, pairs = tmp_path / "lists.txt", tmp_path / "pairs.txt"
    lists.write_text("u b a\n\nv c\n")
    pairs.write_text("u b\nv c\nu a\n")
    assert read_lists(lists) == read_pairs(pairs) == {"u": ["b", "a"], "v": ["c"]}


def test_a_repeated_user_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lists.txt"
    path.write_text("u a\nu b\n")
    with pytest.raises(DataError, match=r"lists.txt:2: expected each user once"):
        read_lists(path)


def test_a_pair_of_three_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("u a\nu b c\n")
    with pytest.raises(DataError, match=r"pairs.txt:2: expected `user item`, found 'u b c'"):
        read_pairs(path)


def test_events_keep_each_shoppers_order_and_end_together() -> None:
    catalogue = catalogue_of(["a", "b", "c"])
    events = events_of({"u": ["b", "a", "c"], "v": ["c"]}, catalogue.ids)
    assert np.all(np.diff(events.time_ms) >= 0)
    assert events.item[events.user == 0].tolist() == [1, 0, 2]
    last = [events.time_ms[events.user == user].max() for user in (0, 1)]
    assert last[0] == last[1] == events.time_ms[-1]
    assert len(set(events.event_ids.tolist())) == 4
