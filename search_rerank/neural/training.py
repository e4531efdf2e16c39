"""One way to train: epochs over batches, stopped by a measure, resumed, the same bytes again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from search_rerank.errors import ConfigError
from search_rerank.neural.checkpoints import Checkpoint
from search_rerank.neural.extra import DEVICES

Batch = tuple[Tensor, ...]


class Lesson(Protocol):
    """What a neural scorer gives the loop: a model, batches, a loss and a measure.

    Tensors are made on the CPU; the loop moves the model and each batch to the device. Draws are
    made by the generator that is given, or by torch's own, which the loop seeds.
    """

    def model(self) -> nn.Module:
        """Return a model with its first weights."""

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """Return the batches of one epoch."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch, a scalar, in training mode."""

    def measure(self, model: nn.Module) -> float:
        """Return how good the model is on what was held out, higher is better; no gradients."""


@dataclass(frozen=True)
class Recipe:
    """How long and how a model is trained.

    Parameters
    ----------
    epochs
        Times that the model sees all batches, at most.
    patience
        Epochs without a better measure after which it stops; 0 trains all epochs unmeasured.
    learning_rate, reg
        Of AdamW (Loshchilov and Hutter, 2019): its step, and its weight decay.
    device
        One of `search_rerank.neural.extra.DEVICES`.
    seed
        Of the first weights, the batches and the dropout.
    anneal
        Whether the learning rate shrinks over the epochs, as half a cosine (Loshchilov and Hutter,
        2017).
    betas
        How long AdamW remembers slopes and their squares.
    """

    epochs: int
    patience: int
    learning_rate: float
    reg: float = 0.0
    device: str = "auto"
    seed: int = 0
    anneal: bool = False
    betas: tuple[float, float] = (0.9, 0.999)

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        left = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs)) if self.anneal else 1.0
        return self.learning_rate * left


def fit(name: str, recipe: Recipe, everything: Lesson, held_out: Lesson) -> dict[str, NDArray[Any]]:
    """Return the weights of a model trained on everything, arrays by parameter name.

    With patience the number of epochs is found on `held_out` first. Inside of a
    `checkpoints` block a fit that was killed goes on after its last epoch.

    Parameters
    ----------
    name
        What `checkpoints.fingerprint` returned for this fit.
    recipe
        How it is trained.
    everything, held_out
        The same lesson on all data, and on all but what `held_out` measures.

    Raises
    ------
    ConfigError
        When a GPU is asked for and there is none, or the steps are so large that weights become
        infinite or no numbers.
    """
    epochs = recipe.epochs
    if recipe.patience > 0:
        epochs = train(f"{name}-held-out", recipe, held_out).best_epoch
    final = train(f"{name}-all", replace(recipe, epochs=epochs, patience=0), everything)
    return {key: value.numpy() for key, value in final.weights.items()}


@dataclass(frozen=True)
class Trained:
    """What training came to.

    Parameters
    ----------
    weights
        Parameter name to tensor on the CPU: of the best epoch, or of the last one if unmeasured.
    best_epoch
        Epochs after which those were the weights.
    measures
        Of each epoch; empty if unmeasured.
    """

    weights: Mapping[str, Tensor]
    best_epoch: int
    measures: tuple[float, ...]


def train(name: str, recipe: Recipe, lesson: Lesson) -> Trained:
    """Train one model; the same name, recipe, lesson and number of threads give the same bytes.

    A measure that is no number (of a lesson that holds nothing out) counts as no better, but the
    first: what cannot be measured is trained for one epoch, then until patience ends.

    Raises
    ------
    ConfigError
        As `fit`.
    """
    device = device_of(recipe.device)
    checkpoint, scorer = Checkpoint(name), name.split("-")[0]
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = lesson.model().to(device)
        optimizer = _optimizer(model, recipe)
        done = _Done.resumed(checkpoint, model, optimizer)
        with tqdm(
            total=recipe.epochs,
            initial=done.epoch,
            desc=scorer,
            leave=False,
            disable=None,
        ) as bar:
            while not done.enough(recipe):
                for group in optimizer.param_groups:
                    group["lr"] = recipe.rate(done.epoch)
                # Seeded by its number, an epoch is the same after a resumption.
                torch.manual_seed(recipe.seed + 1_000_003 * (done.epoch + 1))
                rng = np.random.default_rng([recipe.seed, done.epoch])
                loss = _epoch(model, optimizer, lesson, rng, device)
                _check_numbers(scorer, model, recipe)
                done.after_epoch(model, lesson if recipe.patience > 0 else None)
                done.save(checkpoint, model, optimizer, finished=done.enough(recipe))
                bar.set_postfix(loss=f"{loss:.4f}", best=f"{done.best:.4f}", refresh=False)
                bar.update()
    return Trained(done.weights, done.best_epoch, tuple(done.measures))


def device_of(name: str) -> torch.device:
    """Return the device of a name.

    Raises
    ------
    ConfigError
        For another name than `DEVICES`, or a GPU where there is none.
    """
    if name not in DEVICES:
        raise ConfigError(f"device: expected one of {', '.join(DEVICES)}, found {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "device: expected a GPU for 'cuda', found none that torch can use: say 'auto' or 'cpu'"
        )
    there = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if there else "cpu")


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(),
        lr=recipe.learning_rate,
        betas=recipe.betas,
        weight_decay=recipe.reg,
        fused=True,
    )


def _epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    lesson: Lesson,
    rng: np.random.Generator,
    device: torch.device,
) -> float:
    """Take a step for each batch; return the mean loss."""
    model.train()
    total, n = torch.zeros((), device=device), 0
    for batch in lesson.batches(rng):
        loss = lesson.loss(model, tuple(part.to(device) for part in batch))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total, n = total + loss.detach(), n + 1
    return float(total) / max(n, 1)


def _check_numbers(scorer: str, model: nn.Module, recipe: Recipe) -> None:
    """Refuse weights that are no numbers: they rank nothing, and a measure may think them best."""
    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        raise ConfigError(
            f"{scorer}: its weights left the range of numbers with learning_rate "
            f"{recipe.learning_rate:g} and reg {recipe.reg:g}: expected smaller ones"
        )


class _Done:
    """How far training has come, and the best so far."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.epoch = 0
        self.best = -math.inf
        self.best_epoch = 0
        self.measures: list[float] = []
        self.weights = weights

    @classmethod
    def resumed(
        cls, checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> _Done:
        done = cls(_on_cpu(model))
        found = checkpoint.load()
        if found is not None:
            if not found["finished"]:
                model.load_state_dict(found["model"])
                optimizer.load_state_dict(found["optimizer"])
            for name in ("epoch", "best", "best_epoch", "measures", "weights"):
                setattr(done, name, found[name])
        return done

    def enough(self, recipe: Recipe) -> bool:
        late = recipe.patience > 0 and self.epoch - max(self.best_epoch, 1) >= recipe.patience
        return self.epoch >= recipe.epochs or late

    def after_epoch(self, model: nn.Module, measuring: Lesson | None) -> None:
        self.epoch += 1
        measure = math.nan
        if measuring is not None:
            model.eval()
            with torch.no_grad():
                measure = measuring.measure(model)
            self.measures.append(measure)
        if measuring is None or self.epoch == 1 or measure > self.best:
            self.best_epoch = self.epoch
            self.weights = _on_cpu(model)
            self.best = measure if measure > self.best else self.best

    def save(
        self,
        checkpoint: Checkpoint,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        finished: bool,
    ) -> None:
        training = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        checkpoint.save(
            {
                "finished": finished,
                "epoch": self.epoch,
                "best": self.best,
                "best_epoch": self.best_epoch,
                "measures": self.measures,
                "weights": dict(self.weights),
                **({} if finished else training),
            }
        )


def _on_cpu(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}
