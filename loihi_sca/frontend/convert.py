"""One SLAYER block to one layer of the integer network; its numbers come from ``integers``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.integers import (
    alive_only,
    axon_delay_of,
    bias_of,
    channels_of,
    decay_of,
    decays_of,
    integers,
    neuron_of,
    weight_of,
    weight_of_synapse,
)
from loihi_sca.model.unsupported import lava_family, lava_name, resonates
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Pool,
    Readout,
    Recurrent,
    Resonator,
    Shape,
)
from loihi_sca.network.fixed_point import MAX_DECAY, VALUE
from loihi_sca.results import times


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
        neuron = Cuba(*decays_of(block), threshold=0)
    weight = weight_of(block)
    return Readout("affine", weight=weight.reshape(len(weight), -1), neuron=neuron)


def _input(name: str, block: Any, shape: Shape) -> Input:
    if block.neuron is None:
        return Input(name, shape)
    if block.neuron.w_scale != VALUE:
        raise UnsupportedLayer(
            f"its neurons have scale={block.neuron.w_scale}, and values enter in 1/{VALUE}",
            f"Leave scale at {VALUE} in the Input block, and multiply its threshold instead.",
        )
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
        fallback if value is None else int(integers(block.pre_hook_fx(value) * VALUE).item())
        for value, fallback in ((block.weight, VALUE), (block.bias, 0))
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
        axon_delay=axon_delay_of(block, channels_of(block)),
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
    real, imag = (weight_of_synapse(block, part) for part in parts)
    _require_inputs(real, shape)
    device = block.neuron.device_params
    resonator = Resonator(
        decay_of(device["sinDecay"]), decay_of(device["cosDecay"]), int(device["vThMant"]),
        izhikevich=lava_family(block) == "rf_iz",
    )  # fmt: skip
    return ComplexDense(
        name, shape, real.reshape(len(real), -1), imag.reshape(len(imag), -1), neuron=resonator,
        axon_delay=axon_delay_of(block, len(real)),
    )  # fmt: skip


def _recurrent(name: str, block: Any, shape: Shape) -> Recurrent:
    weight, feedback = (
        weight_of_synapse(block, synapse)
        for synapse in (block.input_synapse, block.recurrent_synapse)
    )
    _require_inputs(weight, shape)
    weight = alive_only(block, weight)
    return Recurrent(
        name,
        shape,
        weight.reshape(len(weight), -1),
        feedback=alive_only(block, alive_only(block, feedback[..., 0, 0]).T).T,
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
