"""The lesson of `sequence`: what is asked, what it costs, how it is measured."""

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="needs torch: pip install 'search-rerank[torch]'", exc_type=ImportError
)

from search_rerank.neural.histories import HeldOut, Histories  # noqa: E402
from search_rerank.neural.next_item import NextItem  # noqa: E402
from search_rerank.neural.ranking import ndcg  # noqa: E402
from search_rerank.neural.sasrec import SasRec  # noqa: E402
from tests.neural.test_histories import of  # noqa: E402

N_ITEMS = 7
TEMPERATURE = 0.5
HISTORIES = of([0, 1, 2, 3], [4, 0], [5], [1, 1, 6])


def new() -> SasRec:
    return SasRec(n_items=N_ITEMS, dim=4, blocks=1, heads=2, length=5, dropout=0.0)


def lesson(histories: Histories = HISTORIES, **options: int) -> NextItem:
    fields = {"length": 5, "batch": 10, "negatives": 0, **options}
    held_out = histories.last_held_out(10)
    return NextItem(
        new=new,
        histories=histories,
        n_items=N_ITEMS,
        temperature=TEMPERATURE,
        held_out=held_out,
        **fields,
    )


def places(model: SasRec) -> list[tuple[np.ndarray, int]]:
    """Return each place's expectation, asked alone, and the item that came next."""
    found = []
    for start, end in zip(HISTORIES.starts[:-1], HISTORIES.starts[1:], strict=True):
        items = HISTORIES.item[start:end].tolist()
        for n in range(1, len(items)):
            with torch.no_grad():
                found.append((model(torch.tensor([items[:n]]))[0, -1].numpy(), items[n]))
    return found


def test_in_full_the_loss_is_the_mean_cross_entropy_of_every_next_item() -> None:
    torch.manual_seed(0)
    model, asked = new().eval(), lesson()
    (batch,) = asked.batches(np.random.default_rng(0))
    vectors = model.items().detach().numpy()
    expected = []
    for place, target in places(model):
        scores = vectors @ place / TEMPERATURE
        expected.append(np.log(np.exp(scores).sum()) - scores[target])
    assert len(expected) == 6
    assert asked.loss(model, batch).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_sample_is_corrected_for_how_often_an_item_is_drawn() -> None:
    torch.manual_seed(0)
    model, asked = new().eval(), lesson(negatives=5)
    (batch,) = asked.batches(np.random.default_rng(0))
    drawn = batch[1].numpy()
    assert drawn.shape == (5,)
    often = np.sqrt(np.bincount(HISTORIES.item, minlength=N_ITEMS) + 1.0)
    often /= often.sum()
    vectors = model.items().detach().numpy()
    expected = []
    for place, target in places(model):
        scores = vectors @ place / TEMPERATURE
        others = [np.exp(scores[n]) / (5 * often[n]) for n in drawn if n != target]
        expected.append(np.log(np.exp(scores[target]) + sum(others)) - scores[target])
    assert asked.loss(model, batch).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_negatives_are_drawn_as_often_as_the_correction_says() -> None:
    (batch,) = lesson(negatives=200_000).batches(np.random.default_rng(0))
    often = np.sqrt(np.bincount(HISTORIES.item, minlength=N_ITEMS) + 1.0)
    share = np.bincount(batch[1].numpy(), minlength=N_ITEMS) / 200_000
    np.testing.assert_allclose(share, often / often.sum(), atol=0.005)


def test_every_window_once_an_epoch() -> None:
    rows = [
        row[row >= 0].tolist()
        for items, _ in lesson(batch=2).batches(np.random.default_rng(1))
        for row in items
    ]
    assert sorted(rows) == [[0, 1, 2, 3], [1, 1, 6], [4, 0]]
    assert list(lesson(of([3], [4])).batches(np.random.default_rng(1))) == []


def test_ndcg_ranks_the_items_not_had() -> None:
    held = HeldOut(of([0, 1], [2], [3]), np.array([0, 1, 2]), np.array([4, 2, 0], dtype=np.int32))
    # Item 4 is third, but 0 and 1 were had; 2 was had, is asked for again, and fourth; 0 is last.
    order = torch.arange(20.0).flip(0)
    order[[0, 1, 4, 2]] = torch.tensor([30.0, 29.0, 28.0, 27.5])
    order[0] = 30.0

    def scores(shown: torch.Tensor) -> torch.Tensor:
        last = torch.where(shown[:, -1:] == 3, -order, order)
        return last.expand(-1, 20).clone()

    expected = (1 / np.log2(2) + 1 / np.log2(5) + 0) / 3
    assert ndcg(held, 3, scores) == pytest.approx(expected)


def test_nobody_to_ask_is_no_number() -> None:
    held = of([0, 1]).last_held_out(5)
    assert np.isnan(ndcg(held, 3, lambda shown: torch.zeros(len(shown), 20)))
