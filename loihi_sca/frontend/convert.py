"""One SLAYER block to one layer of the integer network.

Everything is read through the very functions of the forward pass (the synapse's quantiser, the
norm's ``bias``, the neuron's ``device_params``), so that what is exported is what was trained. The
block is never changed: a weight norm is computed, not removed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.weight_norm import WeightNorm

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model import sigma_delta
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.blocks import Gated
from loihi_sca.model.unsupported import lava_family, lava_name, resonates
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Delta,
    Dense,
    Graded,
    Input,
    IntArray,
    Layer,
    Pool,
    Readout,
    Recurrent,
    Resonator,
    Shape,
    Sigma,
    SigmaDelta,
)
from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.results import times

NOT_FOLDED = "its batch norm still learns, and on the chip there is none"
HOW_TO_FOLD = (
    "Fold it into weights, bias and threshold: training does after training.fold of its epochs, "
    "and loihi_sca.fold_batchnorm(model, sample) now."
)


def layer_of(name: str, block: Any, shape: Shape) -> Layer:
    """Convert a block that has neurons, or an Input.

    Parameters
    ----------
    name : str
        Of the layer.
    block : module
        One of lava-dl's Input, Conv, Dense, Recurrent or Pool blocks of the CUBA or the sigma-delta
        family, a Dense of the resonators, an Output of sigma-delta, or one of ours.
    shape : tuple of int
        What arrives, ``(C, H, W)`` or ``(N,)``.

    Raises
    ------
    UnsupportedLayer, NetworkError
        It has no exact counterpart for input of that shape.
    """
    return _CONVERTERS[lava_name(block)](name, block, shape)


def readout_of(block: Any) -> Readout:
    """Convert an Average or Affine block, which the host computes."""
    if lava_name(block) == "Average":
        return Readout("average", groups=int(block.num_outputs))
    neuron = None
    if block.dynamics:
        bias = bias_of(block)
        if bias is not None and bias.any():
            raise UnsupportedLayer("a norm in an Affine read-out is not supported", "Leave it out.")
        # an Affine never spikes: its threshold means nothing
        neuron = Cuba(*_decays(block), threshold=0)
    weight = weight_of(block)
    return Readout("affine", weight=weight.reshape(len(weight), -1), neuron=neuron)


def weight_of(block: Any) -> IntArray:
    """Return the integer weights of a block, with all that the forward pass does to them."""
    return _alive_only(block, _weight_of_synapse(block, block.synapse))


def _weight_of_synapse(block: Any, synapse: Any) -> IntArray:
    """Return the integer weights (C_out, C_in, Kh, Kw) of one of a block's synapses."""
    weight = synapse.weight
    for hook in synapse._forward_pre_hooks.values():
        # the attribute is that of the last forward pass
        if isinstance(hook, WeightNorm):
            weight = hook.compute_weight(synapse)
        elif isinstance(hook, BasePruningMethod):
            weight = hook.apply_mask(synapse)  # type: ignore[no-untyped-call]
    mask = getattr(block, "mask", None)
    if mask is not None:
        if synapse.weight_norm_enabled:
            raise UnsupportedLayer(
                "SLAYER computes a weight norm after the mask, so that the mask has no effect",
                "Use one of the two.",
            )
        weight = weight * mask
    if isinstance(block, Gated) and synapse is block.synapse:
        quantized = block.quantized_weight
    else:
        hook_fx = synapse.pre_hook_fx
        quantized = weight if hook_fx is None else hook_fx(weight)
    return integers(quantized * block.neuron.w_scale)[..., 0]


def bias_of(block: Any) -> IntArray | None:
    """Return the integer bias per channel that a block's norm amounts to."""
    folding = block.batch_norm if isinstance(block, Gated) else None
    if folding is not None:
        if not folding.is_folded:
            raise UnsupportedLayer(NOT_FOLDED, HOW_TO_FOLD)
        return _alive_only(block, integers(block.folded_bias * MANTISSA))
    norm = block.neuron.norm
    if norm is None:
        return None
    bias = integers(norm.bias)
    if bias.size == 1 and lava_name(block) != "Input":  # a norm that has not seen data yet
        bias = np.repeat(bias, _channels(block))
    return _alive_only(block, bias)


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
    return Cuba(*_decays(block), int(block.neuron.device_params["vThMant"]))


def _decays(block: Any) -> tuple[int | IntArray, int | IntArray]:
    parameters = block.neuron.device_params
    current, voltage = parameters["iDecay"], parameters["vDecay"]
    return _decay(current), _decay(voltage)


def _decay(value: Any) -> int | IntArray:
    return np.asarray(value, dtype=np.int32) if np.ndim(value) else int(value)


def _input(name: str, block: Any, shape: Shape) -> Input:
    if block.neuron is None:
        return Input(name, shape)
    neuron = neuron_of(block)
    bias = bias_of(block) if isinstance(neuron, Cuba) else None  # a Delta's norm is never called
    if bias is not None and bias.any():
        raise UnsupportedLayer("a norm in an Input block is not supported", "Leave it out.")
    if isinstance(neuron, Cuba) and np.any(np.asarray(neuron.current_decay) != MAX_DECAY):
        raise UnsupportedLayer(
            "on the chip the input enters as a bias, past the current; that is the same only with "
            "current_decay=1",
            "Set it.",
        )
    weight, bias_value = (
        fallback if value is None else int(integers(block.pre_hook_fx(value) * 64).item())
        for value, fallback in ((block.weight, 64), (block.bias, 0))
    )
    return Input(name, shape, neuron=neuron, weight=weight, bias=bias_value)


def _conv(name: str, block: Any, shape: Shape) -> Conv:
    synapse = block.synapse
    return Conv(
        name,
        shape,
        weight_of(block),
        bias=bias_of(block),
        stride=synapse.stride[:2],
        padding=synapse.padding[:2],
        dilation=synapse.dilation[:2],
        groups=synapse.groups,
        neuron=neuron_of(block),
        axon_delay=axon_delay_of(block, _channels(block)),
    )


def _dense(name: str, block: Any, shape: Shape) -> Layer:
    """Convert a Dense, which SLAYER computes as a convolution: over a larger map it is one."""
    if resonates(block):
        return _complex_dense(name, block, shape)
    weight = weight_of(block)
    common: dict[str, Any] = {
        "bias": bias_of(block), "neuron": neuron_of(block),
        "axon_delay": axon_delay_of(block, len(weight)),
    }  # fmt: skip
    if len(shape) == 3 and weight.shape[2:] != shape[1:]:
        return Conv(name, shape, weight, **common)
    if len(shape) == 1 and math.prod(weight.shape[2:]) > 1:
        raise UnsupportedLayer(
            f"it takes a map of {weight.shape[2]}x{weight.shape[3]}, and spikes without a map "
            "arrive",
            "Leave out the Flatten before it.",
        )
    return Dense(name, shape, weight.reshape(len(weight), -1), **common)


def _require_inputs(weight: IntArray, shape: Shape) -> None:
    """Raise where a block, which SLAYER computes as a convolution, takes another shape."""
    if weight.shape[1:] != (*shape, 1, 1)[:3]:
        raise UnsupportedLayer(
            f"it takes {times(weight.shape[1:])} inputs, and shape {shape} arrives",
            "Put a Flatten before it, and give it as many inputs.",
        )


def _complex_dense(name: str, block: Any, shape: Shape) -> ComplexDense:
    parts = (block.synapse.real, block.synapse.imag)
    real, imag = (_weight_of_synapse(block, part) for part in parts)
    _require_inputs(real, shape)
    device = block.neuron.device_params
    resonator = Resonator(
        _decay(device["sinDecay"]), _decay(device["cosDecay"]), int(device["vThMant"]),
        izhikevich=lava_family(block) == "rf_iz",
    )  # fmt: skip
    return ComplexDense(
        name, shape, real.reshape(len(real), -1), imag.reshape(len(imag), -1), neuron=resonator,
        axon_delay=axon_delay_of(block, len(real)),
    )  # fmt: skip


def _recurrent(name: str, block: Any, shape: Shape) -> Recurrent:
    weight, feedback = (
        _weight_of_synapse(block, synapse)
        for synapse in (block.input_synapse, block.recurrent_synapse)
    )
    _require_inputs(weight, shape)
    weight, bias = _alive_only(block, weight), bias_of(block)
    if bias is not None and bias.any():
        raise UnsupportedLayer(
            "its norm becomes a bias, which SLAYER's recurrent block adds to the current and the "
            "chip to the voltage",
            "Train it without a norm.",
        )
    return Recurrent(
        name,
        shape,
        weight.reshape(len(weight), -1),
        feedback=_alive_only(block, _alive_only(block, feedback[..., 0, 0]).T).T,
        neuron=neuron_of(block),
        axon_delay=axon_delay_of(block, len(weight)),
    )


def _pool(name: str, block: Any, shape: Shape) -> Pool:
    synapse = block.synapse
    kernel, stride = synapse.kernel_size[:2], synapse.stride[:2]
    exact = stride == kernel and not any(synapse.padding[:2]) and set(synapse.dilation) == {1}
    if not exact or len(shape) != 3 or any(n % k for n, k in zip(shape[1:], kernel, strict=True)):
        raise UnsupportedLayer(
            f"SLAYER stacks the channels of a map and pools the stack: with kernel {kernel}, "
            f"stride {stride}, padding {synapse.padding[:2]} on input {shape} windows mix "
            "channels",
            "Pool with stride = kernel, no padding, dilation 1, on a size that the "
            "kernel divides, or use a Conv with groups.",
        )
    return Pool(
        name,
        shape,
        weight_of(block)[0, 0],
        stride=stride,
        neuron=neuron_of(block),
        axon_delay=axon_delay_of(block, shape[0]),
    )


def _output(name: str, block: Any, shape: Shape) -> Dense:
    """Convert an Output: a sum over time, whose norm SLAYER never calls."""
    weight = weight_of(block)
    return Dense(name, shape, weight.reshape(len(weight), -1), neuron=neuron_of(block))


_CONVERTERS: dict[str, Callable[[str, Any, Shape], Layer]] = {
    "Input": _input, "Conv": _conv, "Dense": _dense, "Pool": _pool, "Recurrent": _recurrent,
    "Output": _output,
}  # fmt: skip


def _channels(block: Any) -> int:
    synapse = block.input_synapse if lava_name(block) == "Recurrent" else block.synapse
    return int(synapse.out_channels)


def _alive_only(block: Any, values: IntArray) -> IntArray:
    if not isinstance(block, Gated):
        return values
    alive = block.alive.cpu().numpy().reshape(-1, *[1] * (values.ndim - 1))
    kept: IntArray = np.where(alive, values, 0).astype(np.int32)
    return kept


def integers(tensor: torch.Tensor) -> IntArray:
    """Return values that have to be whole, quantised weights or biases, as integers."""
    values = tensor.detach().cpu().numpy()
    rounded: IntArray = np.rint(values).astype(np.int32)
    if not np.array_equal(rounded, values):
        raise UnsupportedLayer(
            "its weights are not whole after quantisation",
            "Leave pre_hook_fx at lava-dl's default, the neuron's quantize_8bit.",
        )
    return rounded
