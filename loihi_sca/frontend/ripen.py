"""What training can bring: copies of a model in which all that can become non-zero is."""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.model.batch_norm import BatchNorm
from loihi_sca.model.copying import copied
from loihi_sca.model.folding import open_norms
from loihi_sca.model.walk import Model, as_module
from loihi_sca.slayer.lava import slayer

FAR = float(1 << 20)
"""Larger than every delay and bias there can be; what bounds them bounds this as well."""


def can_ripen(model: Model) -> bool:
    """Tell whether training can bring anything that is not there yet, weights aside."""
    return any(
        _is_norm(part)
        or isinstance(part, BatchNorm)
        or _is_trainable_delay(part)
        or _has_decays_per_channel(part)
        for part in as_module(model).modules()
    )


def ripened(model: Model, *, far: bool = False) -> Any:
    """Return a copy of a model as it may be after training, its weights aside.

    Every norm has a mean, which becomes a bias; every trainable delay is at least one step; decays
    that are trained per channel differ.

    Parameters
    ----------
    model : module or list of modules
        Not changed.
    far : bool
        Means and delays as large as they can become, instead of small.
    """
    replica = copied(as_module(model))
    fold_as_they_are(replica)
    with torch.no_grad():
        for part in replica.modules():
            if _is_norm(part):
                # a negative mean is a positive bias, which silences no channel; 16 steps of the
                # quantiser, so that it is not rounded away
                part.running_mean = torch.full_like(part.running_mean, -FAR if far else -0.5)
            elif isinstance(part, BatchNorm):
                part.beta.data = torch.full_like(part.beta, FAR if far else 0.5)
            elif _is_trainable_delay(part):
                part.delay.data = torch.full_like(part.delay, FAR if far else 1.0)
                part.init = True
            elif _has_decays_per_channel(part):
                for decay in (part.current_decay, part.voltage_decay):
                    decay.data = torch.linspace(1, 2048, decay.numel())
    return replica


def with_folded_norms(model: Model) -> Model:
    """Return a model, or a copy of it in which open batch norms are folded as they are now."""
    if not open_norms(as_module(model)):
        return model
    replica = copied(as_module(model))
    fold_as_they_are(replica)
    folded: Model = replica
    return folded


def fold_as_they_are(model: torch.nn.Module) -> None:
    """Fold batch norms with the statistics that they have, at the threshold that they have."""
    for _, block in open_norms(model):
        if block.batch_norm is not None:
            block.batch_norm.set_folded(1.0)


def _is_norm(part: torch.nn.Module) -> bool:
    return isinstance(part, slayer.neuron.norm.MeanOnlyBatchNorm)


def _is_trainable_delay(part: torch.nn.Module) -> bool:
    return isinstance(part, slayer.axon.Delay) and part.delay.requires_grad


def _has_decays_per_channel(part: torch.nn.Module) -> bool:
    if not isinstance(part, slayer.neuron.cuba.Neuron) or part.shared_param:
        return False
    return bool(part.requires_grad) and part.current_decay.numel() > 1
