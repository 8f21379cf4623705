"""Folding the batch norms of a trained model, lava-dl's or ours, so that it compiles exactly.

A norm between synapse and neuron makes ``x = s z + b`` of the current. In integers::

    WgtScaleBatchNorm   s is a power of two for all channels: the threshold takes it, and weights
                        and bias stay the integers that they are
    torch BatchNorm     weight = quantize_8bit(gain s w),  bias = quantize(gain b),
                        threshold = gain threshold,  as for our own blocks

Voltages are then other numbers than before, and round otherwise; what that changes is measured.
"""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.errors import ConfigError, TrainingError, UnsupportedLayer
from loihi_sca.frontend.affine import affine_that_varies
from loihi_sca.frontend.foldable import BATCH_NORMS, norm_problems, refuse_not_finite
from loihi_sca.frontend.folded_model import FoldedModel, compared
from loihi_sca.frontend.spikingjelly.fold import fold_spikingjelly
from loihi_sca.frontend.spikingjelly.modules import is_spikingjelly
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.blocks import Gated
from loihi_sca.model.copying import copied
from loihi_sca.model.folded import FoldedBlock, Folding
from loihi_sca.model.folding import (
    cut_channels,
    fold_norms,
    gain_for,
    open_norms,
    weights_that_vary,
)
from loihi_sca.model.walk import Model, as_module
from loihi_sca.network.fixed_point import (
    MAX_BIAS,
    MAX_DECAY,
    MAX_WEIGHT,
    MIN_BIAS,
    MIN_WEIGHT,
)
from loihi_sca.slayer.lava import slayer

cuba = slayer.block.cuba


def fold_batchnorm(model: Model, sample: torch.Tensor | None = None) -> FoldedModel:
    """Fold the batch norms of a trained model into weights, biases and thresholds.

    Parameters
    ----------
    model : module or list of modules
        Of CUBA blocks whose ``neuron.norm`` is lava-dl's WgtScaleBatchNorm or a torch BatchNorm; or
        a Sequential of synapse, torch BatchNorm and neuron; or our blocks with ``norm="batch"``; or
        SpikingJelly's modules with ``lava_exchange.CubaLIFNode``. It is not changed.
    sample : tensor or array (N, *in_shape, T), optional
        On which the difference is measured. It should be real data.

    Returns
    -------
    FoldedModel
        Its ``model`` compiles; what changed is beside it. Training may go on with it: a norm's
        statistics stay what they are.

    Raises
    ------
    UnsupportedLayer
        A norm stands where it cannot be folded; all are listed.
    TrainingError
        There is no norm to fold, or one has not seen data, or has no finite statistics.
    InputError
        The sample is no such array.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> neuron["norm"] = slayer.neuron.norm.WgtScaleBatchNorm
    >>> block = slayer.block.cuba.Dense(neuron, 4, 2, weight_scale=8, delay_shift=False)
    >>> spikes = (torch.rand(8, 4, 16) < 0.5).float()
    >>> _ = block(spikes)  # where training would be
    >>> folded = loihi_sca.fold_batchnorm([block], spikes)
    >>> loihi_sca.compile(folded.model, (4,), 16).out_shape
    (2,)
    """
    if is_spikingjelly(model):
        return fold_spikingjelly(model, sample)
    original = as_module(model)
    replica = copied(original)
    if open_norms(replica):
        folding = fold_norms(replica, sample)
        names = {n: n for n, part in replica.named_modules() if isinstance(part, Gated)}
        return compared(original, replica, folding, names, sample)
    names = {}
    replica = _in_blocks(replica, "", names)
    found = [
        (name, part) for name, part in replica.named_modules() if _is_normed(part, name, replica)
    ]
    problems = [*norm_problems(replica, found)]
    if problems:
        raise UnsupportedLayer("; ".join(problems), FOLDABLE)
    if not found:
        raise TrainingError(
            "there is no batch norm to fold: the model has neither WgtScaleBatchNorm nor torch's "
            "BatchNorm between a synapse and its neuron. Was it folded already?"
        )
    layers = tuple(_fold(name, block) for name, block in found)
    names |= {name: name for name, _ in found if name not in names}
    return compared(original, replica, Folding(layers), names, sample)


FOLDABLE = (
    "Set neuron.norm of Conv and Dense blocks of slayer.block.cuba, or put BatchNorm between a "
    "slayer.synapse and a slayer.neuron.cuba.Neuron in a Sequential."
)


def _is_normed(part: torch.nn.Module, name: str, model: torch.nn.Module) -> bool:
    norm = getattr(getattr(part, "neuron", None), "norm", None)
    return isinstance(norm, slayer.neuron.norm.WgtScaleBatchNorm | BATCH_NORMS)


def _fold(name: str, block: Any) -> FoldedBlock:
    """Fold one block in place."""
    neuron, norm = block.neuron, block.neuron.norm
    refuse_not_finite(name, block.synapse, norm)
    if isinstance(norm, slayer.neuron.norm.WgtScaleBatchNorm):
        return _fold_shift(name, neuron, norm)
    if not norm.track_running_stats or not int(norm.num_batches_tracked):
        raise TrainingError(
            f"{name}: its {type(norm).__name__} has not seen data, or keeps no running statistics. "
            "Train it, or run samples through the model in training mode first."
        )
    with torch.no_grad():
        hook = block.synapse.pre_hook_fx
        weight = block.synapse.weight if hook is None else hook(block.synapse.weight)
        factor, shift, varies = affine_that_varies(norm)
        factor, shift = factor.to(weight.dtype), shift.to(weight.dtype)
        scaled = weight * factor.reshape(-1, *[1] * (weight.dim() - 1))
        if not bool(scaled.any()):
            raise TrainingError(f"{name}: folding would leave no weights: nothing in it varies.")
        heard = weights_that_vary(scaled, norm.running_var, norm.eps)
        gain = gain_for(heard, neuron.threshold, neuron.quantize_8bit)
        block.synapse.weight.data = scaled * gain
        block.synapse.pre_hook_fx = neuron.quantize_8bit
        neuron.norm = _fixed(-shift * gain, quantize_bias)
    _scale_threshold(name, neuron, gain)
    return FoldedBlock(
        name=name,
        threshold=round(neuron.threshold * MANTISSA),
        snr_db=None,
        cut_weights=cut_channels(scaled * gain, MIN_WEIGHT, MAX_WEIGHT, step=2),
        cut_biases=cut_channels(shift * gain, MIN_BIAS, MAX_BIAS, step=1),
        constant=tuple((~varies).nonzero().flatten().tolist()),
    )


def _fold_shift(name: str, neuron: Any, norm: Any) -> FoldedBlock:
    """Fold lava-dl's norm: what it divides the current by multiplies the threshold."""
    if not bool(norm.running_var.any()):
        raise TrainingError(
            f"{name}: its WgtScaleBatchNorm has not seen data, or nothing that varies. Train it, "
            "or run samples through the model in training mode first."
        )
    _scale_threshold(name, neuron, float(norm.std(norm.running_var)))
    neuron.norm = _fixed(norm.running_mean, norm.pre_hook_fx)
    return FoldedBlock(name, round(neuron.threshold * MANTISSA), None, {}, {}, ())


def _fixed(mean: torch.Tensor, hook: Any) -> Any:
    """Return a norm that subtracts what it is given, also in training."""
    norm = slayer.neuron.norm.MeanOnlyBatchNorm(len(mean), pre_hook_fx=hook)
    norm.running_mean = mean.detach().clone()
    norm.update = False
    return norm


def quantize_bias(values: torch.Tensor, descale: bool = False) -> torch.Tensor:
    """Return values as 13-bit biases have them, in 1/64 or with ``descale`` as mantissas.

    The negative of a bias, as a mean that is subtracted.
    """
    rounded: torch.Tensor = slayer.utils.quantize(values, step=1 / MANTISSA)
    held = rounded.clamp(-MAX_BIAS / MANTISSA, -MIN_BIAS / MANTISSA)
    return held * MANTISSA if descale else held


def _scale_threshold(name: str, neuron: Any, factor: float) -> None:
    mantissa = neuron.threshold * factor * MANTISSA
    if abs(mantissa - round(mantissa)) > 1e-3 or mantissa < 1:
        raise ConfigError(
            f"{name}: a threshold of {neuron.threshold:g} times {factor:g} is no whole mantissa "
            f"({mantissa:g}). Train with a threshold that is a multiple of 1/8."
        )
    neuron._threshold = round(mantissa) / MANTISSA
    neuron.tau_rho *= factor


def _in_blocks(module: Any, prefix: str, names: dict[str, str]) -> Any:
    """Turn synapse, BatchNorm and neuron of Sequentials into blocks; note their names."""
    if not isinstance(module, torch.nn.Sequential):
        for key, child in list(module._modules.items()):
            if child is not None:
                module._modules[key] = _in_blocks(child, f"{prefix}{key}.", names)
        return module
    parts = list(module._modules.items())
    row: dict[str, torch.nn.Module] = {}
    while parts:
        key, part = parts.pop(0)
        if len(parts) > 1 and _is_row(part, parts[0][1], parts[1][1]):
            row[key] = _block_of(f"{prefix}{key}", part, parts[0][1], parts[1][1])
            # what is counted by a forward pass of its own stays where it was
            row |= {parts[0][0]: torch.nn.Identity(), parts[1][0]: torch.nn.Identity()}
            names[f"{prefix}{key}"] = f"{prefix}{parts[1][0]}"
            del parts[:2]
        else:
            row[key] = _in_blocks(part, f"{prefix}{key}.", names)
    module._modules = dict(row)
    return module


def _is_row(synapse: Any, norm: Any, neuron: Any) -> bool:
    return (
        isinstance(synapse, slayer.synapse.Conv | slayer.synapse.Dense)
        and isinstance(norm, BATCH_NORMS)
        and isinstance(neuron, slayer.neuron.cuba.Neuron)
    )


def _block_of(name: str, synapse: Any, norm: Any, neuron: Any) -> Any:
    if neuron.norm is not None:
        raise UnsupportedLayer(
            f"{name}: its neuron has a norm of its own as well, or stands in several rows", FOLDABLE
        )
    if bool((neuron.current_decay.round() != MAX_DECAY).any()):
        raise UnsupportedLayer(
            f"{name}: its neuron remembers the current, and a norm before that memory becomes a "
            "bias behind it, which is something else",
            "Set neuron.norm, which stands behind it, or current_decay=1.",
        )
    about = {"threshold": neuron.threshold, "current_decay": 1.0, "voltage_decay": 0.0}
    kind = cuba.Conv if isinstance(synapse, slayer.synapse.Conv) else cuba.Dense
    sizes = (1, 1, 1) if kind is cuba.Conv else (1, 1)
    block = kind(about, *sizes, delay_shift=False)
    block.synapse, block.neuron = synapse, neuron
    neuron.norm = norm
    return block
