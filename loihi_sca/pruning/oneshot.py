"""Prune a trained model at once, without training it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn import functional

from loihi_sca.config import PruningConfig
from loihi_sca.errors import InputError
from loihi_sca.pruning.criteria import Criterion
from loihi_sca.pruning.pruner import Pruner
from loihi_sca.pruning.update import Update

Loss: TypeAlias = Callable[[Any, torch.Tensor], torch.Tensor]
"""``loss(output, labels) -> number``."""


def prune(
    model: Any,
    loader: Iterable[Any],
    *,
    budget: str | None = None,
    chip: str | None = None,
    criterion: str | Criterion | None = None,
    config: PruningConfig | None = None,
    batches: int | None = None,
    loss: Loss | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    reset: bool = False,
) -> Update:
    """Score the channels of a trained model on some data, and take the least important ones out.

    Nothing is trained: weights that stay, norms and delays keep their values. Train on for a few
    epochs afterwards, or use a :class:`loihi_sca.Pruner` in your loop, which loses less.

    Parameters
    ----------
    model : module or list of modules
        Changed in place; see :class:`loihi_sca.Pruner`.
    loader : iterable of (spikes, labels)
        Batches: spikes (N, *in_shape, T), labels (N,).
    budget, chip, criterion, config
        As for :class:`loihi_sca.Pruner`.
    batches : int, optional
        Look at so many; by default at all there are.
    loss : callable, optional
        By default the cross-entropy of spike counts, or of what the model returns if that is (N,
        classes).
    optimizer : Optimizer, optional
        Its moments are cut along.
    reset : bool
        As for :class:`loihi_sca.Pruner`.

    Returns
    -------
    Update
        The channels that are left.

    Raises
    ------
    InputError
        The loader gives nothing, fewer batches than asked for, or no pairs of spikes and labels;
        or values that are not finite, or labels that are no classes of the model.
    UnsupportedLayer, ConfigError
        As for :class:`loihi_sca.Pruner`. Whatever is raised, the model is whole.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> def build():
    ...     sizes = [(16, 12), (12, 4)]
    ...     options = {"weight_scale": 4, "delay_shift": False}
    ...     blocks = [slayer.block.cuba.Dense(neuron, n, m, **options) for n, m in sizes]
    ...     return torch.nn.Sequential(*blocks)
    >>> model = build()
    >>> spikes, labels = (torch.rand(8, 16, 10) < 0.3).float(), torch.arange(8) % 4
    >>> update = loihi_sca.prune(model, [(spikes, labels)], budget="keep=0.5")
    >>> loihi_sca.compile(model, (16,), 10).layers[-2].out_shape
    (6,)
    """
    flow = _pairs(loader)
    first = next(flow, None)
    if first is None:
        raise InputError("the loader gives no batch. Nothing is pruned.")
    pruner = Pruner(
        model, first[0], config, budget=budget, chip=chip, criterion=criterion, reset=reset
    )
    try:
        _observe(model, pruner, first, flow, batches, loss or cross_entropy)
        return pruner.finish(*([] if optimizer is None else [optimizer]))
    except BaseException:
        pruner.cancel()
        raise


def cross_entropy(output: Any, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of spike counts (N, classes, T), or of values (N, classes).

    Of spikes (N, C, H, W, T), as a Dense behind a map gives them, every neuron is a class.
    """
    first = output[0] if isinstance(output, tuple | list) else output
    counts = first.sum(dim=-1).flatten(1) if first.dim() >= 3 else first
    if labels.dim() != 1 or len(labels) != len(counts):
        raise InputError(
            f"labels of shape {tuple(labels.shape)} for {len(counts)} samples: must be (N,), the "
            "number of the class of each. For other targets give a loss of your own."
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < counts.shape[1]:
        raise InputError(
            f"labels go from {int(labels.min())} to {int(labels.max())}, and the model has "
            f"{counts.shape[1]} outputs: must be 0 to {counts.shape[1] - 1}."
        )
    return functional.cross_entropy(counts, labels)


Pair: TypeAlias = tuple[torch.Tensor, torch.Tensor]


def _observe(
    model: torch.nn.Module,
    pruner: Pruner,
    first: Pair,
    rest: Iterator[Pair],
    batches: int | None,
    loss: Loss,
) -> None:
    was_training = {part: part.training for part in model.modules()}
    model.eval()
    for block in pruner.blocks.values():
        block.training = True  # the block alone: norms and dropout within it stay as in use
    gates = [block.gate for block in pruner.blocks.values()]
    device, seen = gates[0].device, 0
    try:
        for spikes, labels in islice(_chained(first, rest), batches):
            found = loss(model(spikes.to(device)), labels.to(device))
            torch.autograd.backward(found, inputs=gates)  # parameters get no gradient
            pruner.step()
            seen += 1
    finally:
        for part, training in was_training.items():
            part.training = training
    if batches is not None and seen < batches:
        raise InputError(
            f"the loader ended after {seen} of {batches} batches. Ask for fewer, or give more "
            "data. Nothing is pruned."
        )


def _chained(first: Pair, rest: Iterator[Pair]) -> Iterator[Pair]:
    yield first
    yield from rest


def _pairs(loader: Iterable[Any]) -> Iterator[Pair]:
    for number, batch in enumerate(loader):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            kind = type(batch).__name__
            raise InputError(f"batch {number} of the loader is a {kind}: must be (spikes, labels).")
        spikes, labels = (torch.as_tensor(np.asarray(x)) for x in batch)
        if not bool(torch.isfinite(spikes).all()):
            raise InputError(f"batch {number} of the loader has values that are no numbers.")
        yield spikes.float(), labels.long()
