"""Exercises of histories: what is given, what is asked, what it is told from."""

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="needs torch: pip install 'search-rerank[torch]'", exc_type=ImportError
)

from search_rerank.neural.histories import Histories  # noqa: E402
from search_rerank.neural.pooled import Exercise, Finding, Pooled  # noqa: E402


def of(*lists: list[int]) -> Histories:
    flat = np.array([item for items in lists for item in items], dtype=np.int32)
    return Histories(flat, np.cumsum([0, *map(len, lists)]).astype(np.int64))


class Table(torch.nn.Module):
    """Logits that are given: of each item, whatever the history."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.tensor(logits))

    def forward(self, had: Pooled, candidates: torch.Tensor) -> torch.Tensor:
        return self.logits[candidates].expand(len(had.start), -1)


def lesson(histories: Histories, exercise: Exercise, n_items: int = 10) -> Finding:
    return Finding(lambda: Table([0.0] * n_items), histories, n_items, exercise)


LISTS = ([1, 2, 3, 4, 5], [6], [7, 8], [3, 9, 1])


@pytest.mark.parametrize("ordered", [True, False])
def test_each_history_is_given_in_part_and_asked_for_the_rest(ordered: bool) -> None:
    exercise = Exercise(batch=2, negatives=0, decay=0.5, ordered=ordered)
    seen = []
    for seed in range(20):
        batches = list(lesson(of(*LISTS), exercise).batches(np.random.default_rng(seed)))
        assert len(batches) == 2  # of three actors with two items or more
        for item, start, weight, candidates, row, column, share, hidden_row, hidden in batches:
            ends = [*start.tolist()[1:], len(item)]
            for actor, (first, end) in enumerate(zip(start.tolist(), ends, strict=True)):
                given, asked = item[first:end].tolist(), candidates[column[row == actor]].tolist()
                assert given and asked
                n, m = len(given), len(asked)
                assert weight[first:end].tolist() == [0.5**age for age in range(n - 1, -1, -1)]
                total = sum(0.5**place for place in range(m))
                expected = [0.5**place / total for place in range(m)]
                assert share[row == actor].tolist() == pytest.approx(expected)
                assert candidates[hidden[hidden_row == actor]].tolist() == given
                seen.append((given, asked))
    whole = [list(one) for one in LISTS if len(one) > 1]
    assert all(sorted(given + asked) in [sorted(one) for one in whole] for given, asked in seen)
    assert all(given + asked in whole for given, asked in seen) == ordered
    assert {len(given) for given, asked in seen if len(given + asked) == 5} == {1, 2, 3, 4}


def test_drawn_items_join_what_is_asked() -> None:
    exercise = Exercise(batch=4, negatives=2, decay=1.0, ordered=True)
    ((_, _, _, candidates, _, column, *_),) = lesson(of(*LISTS), exercise).batches(
        np.random.default_rng(0)
    )
    assert set(candidates.tolist()) <= set(range(1, 10))
    assert (candidates.diff() > 0).all()
    asked = set(candidates[column].tolist())
    assert len(asked) <= len(candidates) <= len(asked) + 2


def test_loss_is_the_cross_entropy_without_what_was_given() -> None:
    exercise = Exercise(batch=1, negatives=0, decay=0.5, ordered=True)
    one = lesson(of([0, 1]), exercise, n_items=3)
    (batch,) = one.batches(np.random.default_rng(0))
    # Of the known items 0 and 1 the first is given, so that only the second is left.
    assert one.loss(Table([5.0, 1.0, 9.0]), batch).item() == pytest.approx(0)
    two = lesson(of([0, 1], [2, 2]), exercise, n_items=3)
    losses = [
        two.loss(Table([5.0, 1.0, 2.0]), batch).item()
        for batch in two.batches(np.random.default_rng(0))
    ]
    # Asked for 1 against 1 and 2; asked for 2 though it was given, against 0 and 1.
    softplus = np.log(np.exp(1) + np.exp(2)) - 1
    repeated = np.log(np.exp(5) + np.exp(1)) - 2
    assert sorted(losses) == pytest.approx(sorted([softplus, repeated]), rel=1e-5)


def test_measure_ranks_what_was_held_out_among_what_was_not_had() -> None:
    histories = of([0, 1, 2], [3, 1, 0], [4, 3])
    held = histories.last_held_out(10)
    exercise = Exercise(batch=4, negatives=0, decay=1.0, ordered=True)
    finding = Finding(lambda: Table([0.0] * 6), held.histories, 6, exercise, held)
    # Asked for 2 (4 is better, 5 never occurred), and for 0 (2 and 4 are better).
    model = Table([1.0, 8.0, 2.0, 0.5, 3.0, 7.0])
    expected = (1 / np.log2(1 + 2) + 1 / np.log2(2 + 2)) / 2
    assert finding.measure(model) == pytest.approx(expected)
    assert np.isnan(lesson(histories, exercise).measure(model))


def test_pooled_is_the_weighted_sum() -> None:
    had = Pooled(torch.tensor([0, 2, 1]), torch.tensor([0, 2]), torch.tensor([0.5, 1.0, 3.0]))
    rows = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert had.of(rows).tolist() == [[2.0, 1.0], [0.0, 3.0]]
