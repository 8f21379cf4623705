"""Make biases of sigma-delta layers into weights, for Lava's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.network import Conv, Delta, Dense, Input, IntArray, Layer, Network, SigmaDelta
from loihi_sca.network.fixed_point import MAX_WEIGHT, MIN_WEIGHT, VALUE
from loihi_sca.problems import Problem, raise_for


def relay_biases(network: Network) -> Network:
    """Carry a constant 1 through the layers, and make biases weights of it.

    On Lava a bias acts from the first step on, before messages arrive. A weight acts when they do.

    Contract: on the ``pipelined`` schedule every channel sends what it sent; there is no bias left,
    so that on the ``cold`` one, which is Lava's, layer ``k`` sends the same ``k`` steps later. The
    input has one more channel, which is 1 at every step (:func:`with_constant`), and so has every
    layer but the last, which hands it on.

    Raises
    ------
    UnsupportedLayer
        It is no sigma-delta network that begins with a Delta; a threshold is above 1; a bias is no
        weight; no tap of a convolution lies within the map everywhere; it has groups.
    """
    network = lower_pool(network)
    raise_for(list(_problems(network)))
    layers: list[Layer] = []
    for layer in network:
        last = layer is network.layers[-1]
        in_shape = layers[-1].out_shape if layers else _wider(layer.in_shape)
        layers.append(_relayed(layer, in_shape, last))
    return network.replace(layers=tuple(layers))


def with_constant(values: npt.NDArray[np.integer]) -> IntArray:  # type: ignore[type-arg]
    """Return input (N, C, ..., T) with the channel (N, C + 1, ..., T) that the biases come from."""
    constant = np.full_like(values[:, :1], VALUE)
    widened: IntArray = np.concatenate([values, constant], axis=1)
    return widened


def _problems(network: Network) -> Iterator[Problem]:
    first = network.layers[0]
    if not isinstance(first.neuron, Delta):
        yield Problem(
            first.name, "only a Delta at the input encodes the constant that biases come from",
            "Begin with an Input block.",
        )  # fmt: skip
    if not network.wiring.is_chain:
        yield Problem(
            network.name, "its layers hear others than the one before them, which relays do not",
            "Use a chain of layers.",
        )  # fmt: skip
    for layer in network:
        neuron, last = layer.neuron, layer is network.layers[-1]
        if isinstance(neuron, Delta | SigmaDelta) and neuron.threshold > VALUE and not last:
            yield Problem(
                layer.name,
                f"its threshold is {neuron.threshold}/{VALUE}, and it would hold back the constant "
                "that biases come from",
                f"Use at most {VALUE}/{VALUE}.",
            )
        bias = layer.bias if isinstance(layer, Conv | Dense) else None
        if bias is not None and (bias.min() < MIN_WEIGHT or bias.max() > MAX_WEIGHT):
            yield Problem(
                layer.name,
                f"its biases span {bias.min()} to {bias.max()}, and a weight is one of "
                f"{MIN_WEIGHT} to {MAX_WEIGHT}",
                "Scale threshold, weights and bias down together.",
            )
        if isinstance(layer, Conv) and layer.groups > 1 and (last or not _is_depthwise(layer)):
            yield Problem(
                layer.name, f"it has {layer.groups} groups, and the constant is heard by one",
                "Use one group, or, before the last layer, as many as there are channels.",
            )  # fmt: skip
        if isinstance(layer, Conv) and _is_depthwise(layer) and bias is not None and bias.any():
            yield Problem(
                layer.name, "its channels have groups of their own, none of which hears the "
                "constant, and it has a bias", "Leave the bias out.",
            )  # fmt: skip
        if isinstance(layer, Conv) and None in _taps(layer):
            yield Problem(
                layer.name, "no tap of its windows lies within the map everywhere",
                "Use less padding than the kernel has reach to either side.",
            )  # fmt: skip


def _relayed(layer: Layer, in_shape: tuple[int, ...], last: bool) -> Layer:
    more = 0 if last else 1
    delay = layer.axon_delay
    common = {
        "in_shape": in_shape,
        "axon_delay": delay if delay is None or last else np.append(delay, 0),
    }
    if isinstance(layer, Dense):
        weight, bias = layer.weight, _bias(layer)
        outputs, inputs = weight.shape
        places = int(np.prod(in_shape)) - inputs  # of the constant, which is everywhere the same
        weight = np.pad(weight, [(0, more), (0, places)])
        weight[:outputs, inputs] = bias
        if more:
            weight[outputs, inputs] = VALUE
        late = None if layer.delay is None else np.pad(layer.delay, [(0, more), (0, places)])
        return replace(layer, weight=weight, bias=None, delay=late, **common)  # type: ignore[arg-type]
    if isinstance(layer, Conv):
        tap_y, tap_x = _taps(layer)
        apart = _is_depthwise(layer)
        weight = np.pad(layer.weight, [(0, more), (0, 0 if apart else 1), (0, 0), (0, 0)])
        if not apart:
            weight[: layer.out_channels, -1, tap_y, tap_x] = _bias(layer)
        if more:
            weight[-1, -1, tap_y, tap_x] = VALUE
        groups = layer.groups + more if apart else 1
        return replace(layer, weight=weight, bias=None, groups=groups, **common)  # type: ignore[arg-type]
    assert isinstance(layer, Input)  # noqa: S101
    return replace(layer, **common)  # type: ignore[arg-type]


def _bias(layer: Conv | Dense) -> IntArray:
    return np.zeros(layer.out_shape[0], dtype=np.int32) if layer.bias is None else layer.bias


def _is_depthwise(layer: Conv) -> bool:
    return layer.groups == layer.in_shape[0] == layer.out_channels > 1


def _taps(layer: Conv) -> tuple[int | None, int | None]:
    """Return a tap, per axis, that lies within the map for every output; None if there is none."""
    y, x = (
        next(
            (
                k for k in range(layer.kernel[axis])
                if k * layer.dilation[axis] >= layer.padding[axis]
                and (layer.out_shape[axis + 1] - 1) * layer.stride[axis]
                + k * layer.dilation[axis] - layer.padding[axis] < layer.in_shape[axis + 1]
            ),
            None,
        )
        for axis in (0, 1)
    )  # fmt: skip
    return y, x


def _wider(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0] + 1, *shape[1:])
