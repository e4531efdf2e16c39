"""The loop of the neural scorers: stops, resumes, repeats itself."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="needs torch: pip install 'search-rerank[torch]'", exc_type=ImportError
)

from search_rerank.errors import ConfigError  # noqa: E402
from search_rerank.neural.checkpoints import checkpoints, fingerprint  # noqa: E402
from search_rerank.neural.training import (  # noqa: E402
    Batch,
    Recipe,
    device_of,
    fit,
    train,
)

pytestmark = pytest.mark.slow

RECIPE = Recipe(epochs=6, patience=0, learning_rate=0.1, device="cpu")


class Killed(Exception):
    pass


class Line:
    """Learns y = 2x; its measures can be dictated, and it can be killed after some epochs."""

    def __init__(self, measures: Iterable[float] = (), killed_after: int = 10_000) -> None:
        self.measures = iter(measures)
        self.epochs = 0
        self.killed_after = killed_after

    def model(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Linear(1, 1))

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        if self.epochs == self.killed_after:
            raise Killed
        self.epochs += 1
        x = torch.from_numpy(rng.random((8, 1), dtype=np.float32))
        return [(x, 2 * x), (x + 1, 2 * x + 2)]

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        x, y = batch
        return ((model(x) - y) ** 2).mean()

    def measure(self, model: torch.nn.Module) -> float:
        assert not model.training
        return next(self.measures)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def weights(trained: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in trained.items()}


def test_learns() -> None:
    found = fit("line", Recipe(200, 0, 0.05, device="cpu"), Line(), Line())
    assert found["1.weight"][0, 0] == pytest.approx(2, abs=0.7)


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    first = fit("line", RECIPE, Line(), Line())
    torch.rand(3)
    assert weights(fit("line", RECIPE, Line(), Line())) == weights(first)
    other = fit("line", Recipe(6, 0, 0.1, device="cpu", seed=1), Line(), Line())
    assert weights(other) != weights(first)


def test_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit("line", RECIPE, Line(), Line())
    assert torch.equal(torch.rand(3), expected)


def test_stops_when_patience_ends_and_keeps_the_best() -> None:
    lesson = Line([0.1, 0.4, 0.3, 0.4, 0.2, 0.9])
    found = train("line", Recipe(6, 3, 0.1, device="cpu"), lesson)
    assert (lesson.epochs, found.best_epoch) == (5, 2)
    assert found.measures == (0.1, 0.4, 0.3, 0.4, 0.2)
    two = train("line", Recipe(2, 0, 0.1, device="cpu"), Line())
    assert all(torch.equal(two.weights[key], value) for key, value in found.weights.items())


def test_everything_is_trained_as_long_as_was_best() -> None:
    everything, held_out = Line(), Line([0.1, 0.4, 0.3, 0.2])
    fit("line", Recipe(6, 2, 0.1, device="cpu"), everything, held_out)
    assert (held_out.epochs, everything.epochs) == (4, 2)


@pytest.mark.parametrize("rate", [1e30, 1e38])
def test_weights_that_are_no_numbers_are_refused(rate: float) -> None:
    said = rf"line: its weights left the range .* learning_rate {re.escape(f'{rate:g}')}"
    with pytest.raises(ConfigError, match=said):
        train("line", Recipe(6, 3, rate, device="cpu"), Line([1.0] * 6))


def test_nothing_to_measure_ends_too() -> None:
    lesson = Line([np.nan] * 6)
    assert train("line", Recipe(6, 2, 0.1, device="cpu"), lesson).best_epoch == 1
    assert lesson.epochs == 3


@pytest.mark.parametrize("killed_after", [1, 2, 5])
def test_a_killed_fit_goes_on(folder: Path, killed_after: int) -> None:
    whole = fit("line", RECIPE, Line(), Line())
    with pytest.raises(Killed), checkpoints(folder):
        fit("line", RECIPE, Line(killed_after=killed_after), Line())
    rest = Line()
    (folder / "line-all.checkpoint.writing").touch()  # left by a write that was killed
    with checkpoints(folder):
        assert weights(fit("line", RECIPE, rest, Line())) == weights(whole)
    assert rest.epochs == 6 - killed_after
    assert not folder.exists()


def test_a_killed_fit_goes_on_with_its_patience(folder: Path) -> None:
    recipe = Recipe(6, 3, 0.1, device="cpu")
    with pytest.raises(Killed), checkpoints(folder):
        train("line", recipe, Line([0.1, 0.4, 0.3], killed_after=3))
    with checkpoints(folder):
        found = train("line", recipe, Line([0.4, 0.2, 0.9]))
    assert (found.best_epoch, len(found.measures)) == (2, 5)


def test_a_finished_fit_is_kept_until_the_block_ends(folder: Path) -> None:
    again = Line()
    with pytest.raises(Killed), checkpoints(folder):
        first = fit("line", RECIPE, Line(), Line())
        fit("other", RECIPE, Line(killed_after=1), Line())
    with checkpoints(folder):
        assert weights(fit("line", RECIPE, again, Line())) == weights(first)
    assert again.epochs == 0


def test_a_damaged_checkpoint_starts_anew(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    (folder / "line-all.checkpoint").write_bytes(b"no tensors")
    lesson = Line()
    with checkpoints(folder):
        fit("line", RECIPE, lesson, Line())
    assert lesson.epochs == 6
    assert "starts anew" in caplog.text


def test_fingerprint_tells_options_and_data() -> None:
    data = {"item": np.arange(3)}
    names = {
        fingerprint("line", {"dim": 1}, data),
        fingerprint("line", {"dim": 2}, data),
        fingerprint("line", {"dim": 1}, {"item": np.arange(1, 4)}),
        fingerprint("line", {"dim": 1}, {"item": np.arange(3, dtype=np.int8)}),
    }
    assert len(names) == 4
    assert fingerprint("line", {"dim": 1}, data) in names


def test_devices() -> None:
    assert device_of("cpu").type == "cpu"
    with pytest.raises(ConfigError, match=r"device: expected one of auto, cpu, cuda, found 'gpu'"):
        device_of("gpu")
    if not torch.cuda.is_available():
        assert device_of("auto").type == "cpu"
        with pytest.raises(ConfigError, match=r"expected a GPU for 'cuda', found none"):
            device_of("cuda")


def test_the_learning_rate_shrinks_as_half_a_cosine() -> None:
    recipe = Recipe(4, 0, 0.2, device="cpu", anneal=True)
    expected = [0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5)]
    assert [recipe.rate(epoch) for epoch in range(4)] == pytest.approx(expected)
    assert weights(fit("line", recipe, Line(), Line())) != weights(
        fit("line", Recipe(4, 0, 0.2, device="cpu"), Line(), Line())
    )


def test_a_killed_fit_goes_on_where_its_learning_rate_was(folder: Path) -> None:
    recipe = Recipe(6, 0, 0.1, device="cpu", anneal=True)
    whole = fit("line", recipe, Line(), Line())
    with pytest.raises(Killed), checkpoints(folder):
        fit("line", recipe, Line(killed_after=3), Line())
    with checkpoints(folder):
        assert weights(fit("line", recipe, Line(), Line())) == weights(whole)
