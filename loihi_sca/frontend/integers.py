"""The integers in a SLAYER block: weights, biases, delays and what its neuron has.

Everything is read through the very functions of the forward pass (the quantisers of synapse and
norm, the neuron's ``device_params``), so that what is exported is what was trained. Blocks are
those of :mod:`loihi_sca.frontend.settled`, with the weights of their next forward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model import sigma_delta
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.blocks import Gated
from loihi_sca.model.unsupported import lava_name
from loihi_sca.network import Cuba, Delta, Graded, IntArray, Sigma, SigmaDelta

NOT_FOLDED = "its batch norm still learns, and on the chip there is none"
HOW_TO_FOLD = (
    "Fold it into weights, bias and threshold: training does after training.fold of its epochs, "
    "and loihi_sca.fold_batchnorm(model, sample) now."
)
QUANTISED = "Leave pre_hook_fx at lava-dl's default, the neuron's quantize_8bit."


def weight_of(block: Any) -> IntArray:
    """Return the integer weights of a block, with all that the forward pass does to them."""
    return alive_only(block, weight_of_synapse(block, block.synapse))


def weight_of_synapse(block: Any, synapse: Any) -> IntArray:
    """Return the integer weights (C_out, C_in, Kh, Kw) of one of a block's synapses."""
    if isinstance(block, Gated) and synapse is block.synapse:
        quantized = block.quantized_weight
    else:
        hook_fx = synapse.pre_hook_fx
        quantized = synapse.weight if hook_fx is None else hook_fx(synapse.weight)
    return integers(quantized * block.neuron.w_scale)[..., 0]


def bias_of(block: Any) -> IntArray | None:
    """Return the integer bias per channel that a block's norm amounts to."""
    folding = block.batch_norm if isinstance(block, Gated) else None
    if folding is not None:
        if not folding.is_folded:
            raise UnsupportedLayer(NOT_FOLDED, HOW_TO_FOLD)
        return alive_only(block, integers(block.folded_bias * MANTISSA))
    if block.neuron.norm is None:
        return None
    bias = bias_of_norm(block.neuron)
    if bias.size == 1 and lava_name(block) != "Input":  # a norm that has not seen data yet
        bias = np.repeat(bias, channels_of(block))
    return alive_only(block, bias)


def bias_of_norm(neuron: Any) -> IntArray:
    """Return the integer bias that a neuron's MeanOnlyBatchNorm amounts to, as it subtracts it.

    Its own ``bias`` asks the quantiser for integers, which one of the user's need not give.
    """
    return integers(
        -neuron.norm.pre_hook_fx(neuron.norm.running_mean) * neuron.w_scale,
        "biases",
        "Set block.neuron.norm.pre_hook_fx = block.neuron.quantize_8bit, as lava-dl's blocks do.",
    )


def current_of(block: Any) -> IntArray | None:
    """Return what a block's norm adds to the current of each channel at every step.

    Of recurrent blocks only, which call their neuron step by step, so that the norm stays in the
    current; elsewhere it is added to the voltage, as :func:`bias_of` says.
    """
    if lava_name(block) != "Recurrent":
        return None
    bias = bias_of(block)
    return None if bias is None or not bias.any() else bias


def axon_delay_of(block: Any, channels: int) -> IntArray | None:
    """Return the whole steps by which a block delays each channel, as its forward pass rounds.

    Returns
    -------
    int array (channels,) or None
        None without delays.
    """
    delay = block.delay
    if delay is None or not delay.init:  # drawn from [0, 1) at first use, which rounds to 0
        return None
    steps = delay.delay.detach().cpu().clamp(0, delay.max_delay) / delay.sampling_time
    rounded: IntArray = np.floor(steps.numpy()).astype(np.int32).ravel()
    return np.repeat(rounded, channels) if rounded.size == 1 else rounded


def neuron_of(block: Any) -> Cuba | Graded:
    """Return the neuron's integers."""
    if sigma_delta.is_graded(block):
        kind = lava_name(block)
        if kind == "Output":
            return Sigma()
        threshold = int(sigma_delta.threshold_of(block))
        return Delta(threshold) if kind == "Input" else SigmaDelta(threshold)
    return Cuba(*decays_of(block), int(block.neuron.device_params["vThMant"]))


def decays_of(block: Any) -> tuple[int | IntArray, int | IntArray]:
    """Return the decays of a CUBA neuron's current and voltage, each one or one per channel."""
    parameters = block.neuron.device_params
    current, voltage = parameters["iDecay"], parameters["vDecay"]
    return decay_of(current), decay_of(voltage)


def decay_of(value: Any) -> int | IntArray:
    """Return one decay of lava-dl's ``device_params`` as the integer network has it."""
    return np.asarray(value, dtype=np.int32) if np.ndim(value) else int(value)


def channels_of(block: Any) -> int:
    """Return the number of channels that a block gives."""
    synapse = block.input_synapse if lava_name(block) == "Recurrent" else block.synapse
    return int(synapse.out_channels)


def alive_only(block: Any, values: IntArray) -> IntArray:
    """Return values (C, ...) per channel of a block, 0 for those that are switched off."""
    if not isinstance(block, Gated):
        return values
    alive = block.alive.cpu().numpy().reshape(-1, *[1] * (values.ndim - 1))
    kept: IntArray = np.where(alive, values, 0).astype(np.int32)
    return kept


def integers(
    tensor: torch.Tensor, what: str = "weights or biases", instead: str = QUANTISED
) -> IntArray:
    """Return values that have to be whole, quantised weights or biases, as integers."""
    values = tensor.detach().cpu().numpy()
    if odd := int(np.sum(~np.isfinite(values))):
        raise UnsupportedLayer(
            f"{odd} of its {values.size} {what} are not finite",
            "Training has diverged, or the file that they came from is damaged; take an earlier "
            "state, or a lower learning rate.",
        )
    rounded: IntArray = np.rint(values).astype(np.int32)
    if not np.array_equal(rounded, values):
        raise UnsupportedLayer(f"its {what} are not whole after quantisation", instead)
    return rounded
