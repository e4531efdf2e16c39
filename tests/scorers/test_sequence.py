"""The scorer `sequence`: the contract, and the same numbers without torch."""

import numpy as np
import pytest

from search_rerank.data.history import History
from search_rerank.errors import ConfigError, MissingExtra
from search_rerank.scorers import create
from search_rerank.scorers.sequence import Sequence
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import NOW_MS, UNSOLD, catalogue, checkerboard, click, log

pytestmark = pytest.mark.slow

torch = pytest.importorskip(
    "torch", reason="needs torch: pip install 'search-rerank[torch]'", exc_type=ImportError
)

SMALL: dict[str, object] = {
    "dim": 4,
    "blocks": 1,
    "dropout": 0.5,
    "epochs": 60,
    "patience": 0,
    "learning_rate": 0.05,
    "negatives": 6,
    "temperature": 1.0,
    "device": "cpu",
}
"""The checkerboard is in order: what comes next must not be learnt too well for it."""


class TestSequence(ScorerContract):
    name = "sequence"
    options = SMALL
    how = "kept"


@pytest.mark.slow
class TestSequenceInFull(ScorerContract):
    name = "sequence"
    options = {**SMALL, "negatives": 0}
    how = "kept"


def fitted(**options: object) -> Sequence:
    scorer = create("sequence", {**SMALL, **options})
    assert isinstance(scorer, Sequence)
    return scorer.fit(checkerboard(), catalogue(), now_ms=NOW_MS)


@pytest.mark.parametrize("history", [[4], [4, 1], [0, 2, 4, 4, 1, 6, 3], list(range(UNSOLD))])
@pytest.mark.parametrize("options", [{"blocks": 1}, {"blocks": 3, "heads": 4}, {"length": 5}])
def test_numpy_equals_torch(history: list[int], options: dict[str, object]) -> None:
    from search_rerank.neural.sasrec import SasRec

    scorer = fitted(epochs=3, **options)
    model = SasRec(
        n_items=len(ALL),
        dim=scorer.dim,
        blocks=scorer.blocks,
        heads=scorer.heads,
        length=scorer.length,
        dropout=0.5,
    ).eval()
    parameters = dict(model.named_parameters())
    # Numbers that no bias is 0 in, so that none can be forgotten.
    rng = np.random.default_rng(0)
    drawn = {
        name: rng.normal(size=value.shape).astype(np.float32)
        for name, value in scorer.arrays().items()
        if name in parameters
    }
    assert drawn.keys() == parameters.keys()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in drawn.items()})
    units = drawn["vectors"] / np.linalg.norm(drawn["vectors"], axis=1, keepdims=True)
    everything = np.ones(len(ALL), dtype=np.bool_)
    ours = Sequence.from_arrays(
        scorer.options(), {**drawn, "vectors": units, "known": everything}
    ).score(History.of(history), ALL)
    with torch.no_grad():
        newest = torch.tensor([history[-scorer.length :]])
        theirs = model(newest)[0, -1] @ model.items().T
        padded = torch.tensor([[-1, -1, *history[-scorer.length :]]])[:, -scorer.length :]
        again = model(padded)[0, -1] @ model.items().T
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
    np.testing.assert_allclose(ours, again.numpy(), atol=1e-5)


def test_a_place_does_not_see_what_comes_after_it() -> None:
    from search_rerank.neural.sasrec import SasRec

    torch.manual_seed(0)
    model = SasRec(n_items=9, dim=8, blocks=2, heads=2, length=9, dropout=0.0).eval()
    short, long = torch.tensor([[1, 2, 3]]), torch.tensor([[1, 2, 3, 4, 5]])
    with torch.no_grad():
        torch.testing.assert_close(model(long)[:, :3], model(short))


def test_the_order_of_a_history_matters() -> None:
    # After 0 then 2 comes 4, after 2 then 0 comes 6.
    rows = []
    for shopper in range(20):
        items = [0, 2, 4] if shopper % 2 else [2, 0, 6]
        rows += [click(f"s{shopper}", item, NOW_MS - 10 + n) for n, item in enumerate(items)]
    scorer = create("sequence", {**SMALL, "dim": 8, "dropout": 0.0})
    scorer = scorer.fit(log(rows), catalogue(), now_ms=NOW_MS)
    assert scorer.score(History.of([0, 2]), ALL)[[0, 2, 4, 6]].argmax() == 2
    assert scorer.score(History.of([2, 0]), ALL)[[0, 2, 4, 6]].argmax() == 3


def test_vectors_multiply_to_the_score() -> None:
    scorer, history = fitted(), History.of([0, 2, 5])
    vectors, asked = scorer.item_vectors(), scorer.history_vector(history)
    assert (vectors.dtype, asked.dtype, asked.shape) == (np.float32, np.float32, (4,))
    scores = scorer.score(history, ALL)[:UNSOLD]
    np.testing.assert_allclose(vectors[:UNSOLD] @ asked, scores, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors[:UNSOLD], axis=1), 1, rtol=1e-5)
    assert not vectors[UNSOLD:].any()
    assert np.isnan(scorer.history_vector(History.of([UNSOLD]))).all()


def test_only_the_newest_items_are_looked_at() -> None:
    scorer = fitted(length=2)
    long, short = (scorer.history_vector(History.of(items)) for items in ([1, 3, 0, 2], [0, 2]))
    np.testing.assert_array_equal(long, short)


def test_patience_finds_the_number_of_epochs() -> None:
    stopped = fitted(epochs=40, patience=1)
    assert np.isfinite(stopped.score(History.of([0, 2]), ALL)[:UNSOLD]).all()
    assert not np.array_equal(stopped.item_vectors(), fitted(epochs=40).item_vectors())


def test_another_seed_gives_other_vectors() -> None:
    vectors = [fitted(seed=seed, epochs=1).item_vectors() for seed in (0, 1)]
    assert not np.array_equal(*vectors)


def test_without_torch_a_fit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_rerank.neural.extra.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtra, match=r"the scorer sequence needs.*pip install 'search-rerank\[torch\]'"
    ):
        fitted()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, r"heads: expected a number that divides dim = 4, found 3"),
        ({"temperature": 0}, r"temperature: expected above 0, found 0"),
        ({"dropout": 1}, r"dropout: expected 0 or more and below 1, found 1"),
        ({"device": "gpu"}, r"device: expected auto, cpu, cuda, found 'gpu'"),
        ({"length": 0}, r"length: expected 1 or more, found 0"),
    ],
)
def test_options_out_of_range(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"sequence: {message}"):
        create("sequence", {**SMALL, **options})
