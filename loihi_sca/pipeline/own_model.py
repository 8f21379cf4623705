"""From a model of one's own to one that is pruned, compiled and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch

from loihi_sca.compiler.report import Compiled
from loihi_sca.config import PruningConfig
from loihi_sca.data import Dataset
from loihi_sca.engine import fast
from loihi_sca.errors import ConfigError, TrainingError
from loihi_sca.frontend.slayer import compile_slayer
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.pipeline.evaluate import evaluate
from loihi_sca.pruning.oneshot import cross_entropy, prune
from loihi_sca.pruning.pruner import Pruner

SAMPLE = 8
"""Samples that the pruner is given to look at the model."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with steps done and steps in all."""


@dataclass(frozen=True)
class Settings:
    """How a model is pruned.

    Attributes
    ----------
    budget, chip, criterion : str
        As for :class:`loihi_sca.Pruner`.
    epochs : int
        Of training while it is pruned; 0 prunes at once and trains nothing.
    learning_rate : float
        Of Adam.
    batch_size, seed : int
        Seed of the order of samples.
    proof_samples : int
        Samples on which the model is compared with the network.
    reset : bool
        As for :class:`loihi_sca.Pruner`.
    """

    budget: str
    chip: str = "loihi2"
    criterion: str = "sca"
    epochs: int = 0
    learning_rate: float = 1e-3
    batch_size: int = 64
    seed: int = 0
    proof_samples: int = 64
    reset: bool = False


@dataclass(frozen=True)
class Stage:
    """What a model is, before or after.

    Attributes
    ----------
    network : Compiled
    accuracy : float
        Of the integer network on the test samples.
    cores : int
        As the mapper places it.
    """

    network: Compiled
    accuracy: float
    cores: int


@dataclass(frozen=True)
class Outcome:
    """What pruning has brought.

    Attributes
    ----------
    dense, pruned : Stage
    channels : dict of str to int
        Left, by block.
    held : dict of str to str
        Blocks that keep all channels, and why.
    """

    dense: Stage
    pruned: Stage
    channels: dict[str, int]
    held: dict[str, str] = field(default_factory=dict)


def prune_model(
    model: Any,
    train: Dataset,
    test: Dataset,
    settings: Settings,
    on_step: Progress | None = None,
) -> Outcome:
    """Prune a model in place, compile it before and after, and compare each with its network.

    Parameters
    ----------
    model : module or list of modules
        See :class:`loihi_sca.Pruner`.
    train, test : Dataset
        What it learns from, and what accuracies are of.
    settings : Settings
    on_step : callable, optional

    Raises
    ------
    UnsupportedLayer, DoesNotFit, ConfigError
        It cannot be pruned or compiled; told before anything is trained.
    NotBitExact
        The model and its network differ.
    TrainingError
        The loss is no number any more.
    """
    dense = _stage(model, test, settings)
    if settings.epochs:
        channels, held = _train(model, train, settings, on_step)
    else:
        batches = (
            (torch.from_numpy(train.spikes(index)), torch.from_numpy(train.labels[index]))
            for index in _order(train, settings, 0)
        )
        held = {}
        channels = prune(
            model, batches, budget=settings.budget, chip=settings.chip,
            criterion=settings.criterion, reset=settings.reset,
        ).alive  # fmt: skip
    return Outcome(dense, _stage(model, test, settings), channels, held)


def _stage(model: Any, test: Dataset, settings: Settings) -> Stage:
    model.eval()
    proof = test.first(settings.proof_samples).spikes()
    network = compile_slayer(
        model, test.shape, test.timesteps, profile=settings.chip, proof_data=proof,
        reset=settings.reset,
    )  # fmt: skip
    cores = map_network(describe(network), load_profile(settings.chip)).cores
    return Stage(network, evaluate(network, test, fast.prepare).accuracy, cores)


def _train(
    model: Any, train: Dataset, settings: Settings, on_step: Progress | None
) -> tuple[dict[str, int], dict[str, str]]:
    """Train in the loop that the documentation shows."""
    per_epoch = len(_order(train, settings, 0))
    steps = settings.epochs * per_epoch
    optimizer = torch.optim.Adam(
        [p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate
    )
    sample = torch.from_numpy(train.first(SAMPLE).spikes())
    pruner = Pruner(
        model, sample, PruningConfig(), budget=settings.budget, chip=settings.chip,
        criterion=settings.criterion, steps=steps, seed=settings.seed, reset=settings.reset,
    )  # fmt: skip
    try:
        model.train()
        for epoch in range(settings.epochs):
            for index in _order(train, settings, epoch):
                spikes = torch.from_numpy(train.spikes(index)).float()
                loss = cross_entropy(model(spikes), torch.from_numpy(train.labels[index]))
                if not bool(loss.isfinite()):
                    raise TrainingError(
                        f"the loss is {loss.item()} after {pruner.done} steps. Lower the rate."
                    )
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                pruner.step(optimizer)
                if on_step is not None:
                    on_step(pruner.done, steps)
        return pruner.finish(optimizer).alive, pruner.held
    except BaseException:
        pruner.cancel()
        raise


def _order(train: Dataset, settings: Settings, epoch: int) -> list[Any]:
    if settings.batch_size < 1 or settings.epochs < 0:
        raise ConfigError("batch_size must be at least 1, and epochs at least 0.")
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(train))
    size = settings.batch_size
    return [order[i : i + size] for i in range(0, len(order), size)]
