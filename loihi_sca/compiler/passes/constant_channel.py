"""A channel that is 1 at every step, carried through the layers: what biases become weights of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Recurrent,
    SigmaDelta,
)
from loihi_sca.network.fixed_point import (
    ALIGN,
    MAX_BIAS,
    MAX_DECAY,
    MAX_WEIGHT,
    MIN_WEIGHT,
    STATE_LIMIT,
    VALUE,
)
from loihi_sca.problems import Problem


def with_constant_channel(network: Network, weights: Mapping[str, IntArray]) -> Network:
    """Give layers synapses from a constant channel, which the input has and the others hand on.

    Parameters
    ----------
    network : Network
        A chain behind an Input, without pools and without a constant channel, of which
        :func:`relay_problems` finds none.
    weights : mapping of layer name to int array (C_out,)
        Of the synapses from the constant, for one layer or more.

    Returns
    -------
    Network
        The input has one more channel, which engines fill in (:attr:`Input.constant`), and so has
        every layer before the last one in ``weights``. All channels that were there send what they
        would if the sums that arrive at each step were larger by the weights.
    """
    last = max(i for i, layer in enumerate(network) if layer.name in weights)
    layers = list(network.layers)
    for index in range(last + 1):
        layer = layers[index]
        if isinstance(layer, Input):
            layers[index] = replace(layer, in_shape=_wider(layer.in_shape), constant=True)
            continue
        heard = weights.get(layer.name, np.zeros(layer.out_shape[0], dtype=np.int32))
        layers[index] = _relayed(layer, layers[index - 1].out_shape, heard, index < last)
    return network.replace(layers=tuple(layers))


def relay_problems(network: Network, weights: Mapping[str, IntArray]) -> Iterator[Problem]:
    """Yield why a network cannot be given such a channel."""
    first = network.layers[0]
    if not network.wiring.is_chain:
        yield Problem(
            network.name, "its layers hear others than the one before them, which relays do not",
            "Use a chain of layers.",
        )  # fmt: skip
    if isinstance(first, Input) and first.constant:
        yield Problem(first.name, "it has a constant channel already", "Lower the network once.")
    if not any(layer.name in weights for layer in network):
        return
    last = max(i for i, layer in enumerate(network) if layer.name in weights)
    for index, layer in enumerate(network.layers[: last + 1]):
        heard = weights.get(layer.name)
        if heard is not None and (heard.min() < MIN_WEIGHT or heard.max() > MAX_WEIGHT):
            yield Problem(
                layer.name,
                f"its biases span {heard.min()} to {heard.max()}, and a weight is one of "
                f"{MIN_WEIGHT} to {MAX_WEIGHT}",
                "Scale threshold, weights and bias down together.",
            )
        if isinstance(layer, Conv):
            yield from _conv_problems(layer, heard, index == last)
        elif not isinstance(layer, Input | Dense):
            yield Problem(
                layer.name, f"{type(layer).__name__} cannot hand on the constant that biases of "
                "layers behind it come from", "Leave their norms out.",
            )  # fmt: skip
        if index < last:
            yield from _neuron_problems(layer)


def _neuron_problems(layer: Layer) -> Iterator[Problem]:
    neuron = layer.neuron
    if isinstance(neuron, Delta | SigmaDelta) and neuron.threshold > VALUE:
        yield Problem(
            layer.name,
            f"its threshold is {neuron.threshold}/{VALUE}, and it would hold back the constant "
            "that biases come from",
            f"Use at most {VALUE}/{VALUE}.",
        )
    most = MAX_BIAS if isinstance(layer, Input) else MAX_WEIGHT
    if isinstance(neuron, Cuba) and neuron.threshold >= most:
        yield Problem(
            layer.name,
            f"its threshold is {neuron.threshold}, and the neuron that hands on the constant, of "
            f"which biases of layers behind it come, takes at most {most} at a step",
            f"Scale threshold and weights down together, below {most}.",
        )
    if isinstance(neuron, Cuba) and isinstance(layer, Conv) and not _forgets(neuron):
        yield Problem(
            layer.name,
            f"its current decays by {neuron.current_decay}/{MAX_DECAY} only, so that the neuron "
            "that hands on the constant, of which biases come, would leave 24 bits",
            "Use a larger current_decay.",
        )


def _conv_problems(layer: Conv, heard: IntArray | None, last: bool) -> Iterator[Problem]:
    if layer.groups > 1 and (last or not _is_depthwise(layer)):
        yield Problem(
            layer.name, f"it has {layer.groups} groups, and the constant is heard by one",
            "Use one group, or, before the last layer, as many as there are channels.",
        )  # fmt: skip
    if _is_depthwise(layer) and heard is not None and heard.any():
        yield Problem(
            layer.name, "its channels have groups of their own, none of which hears the "
            "constant, and it has a bias", "Leave the bias out.",
        )  # fmt: skip
    if None in _taps(layer):
        yield Problem(
            layer.name, "no tap of its windows lies within the map everywhere",
            "Use less padding than the kernel has reach to either side.",
        )  # fmt: skip


def _relayed(layer: Layer, in_shape: tuple[int, ...], heard: IntArray, hands_on: bool) -> Layer:
    more = 1 if hands_on else 0
    strength = MAX_WEIGHT if isinstance(layer.neuron, Cuba) else VALUE
    delay, bias = layer.axon_delay, layer.bias if isinstance(layer, Conv | Dense) else None
    common = {
        "in_shape": in_shape,
        "axon_delay": None if delay is None else np.pad(delay, (0, more)),
        "bias": None if bias is None else np.pad(bias, (0, more)),
        "neuron": _hands_on(layer) if hands_on else layer.neuron,
    }
    if isinstance(layer, Dense):
        outputs, inputs = layer.weight.shape
        places = int(np.prod(in_shape)) - inputs  # of the constant, which is everywhere the same
        weight = np.pad(layer.weight, [(0, more), (0, places)])
        weight[:outputs, inputs] = heard
        if more:
            weight[outputs, inputs] = strength
        if isinstance(layer, Recurrent):
            common["feedback"] = np.pad(layer.feedback, (0, more))
        late = None if layer.delay is None else np.pad(layer.delay, [(0, more), (0, places)])
        return replace(layer, weight=weight, delay=late, **common)  # type: ignore[arg-type]
    assert isinstance(layer, Conv)  # noqa: S101  see relay_problems
    tap_y, tap_x = _taps(layer)
    apart = _is_depthwise(layer)
    weight = np.pad(layer.weight, [(0, more), (0, 0 if apart else 1), (0, 0), (0, 0)])
    if not apart:
        weight[: layer.out_channels, -1, tap_y, tap_x] = heard
    if more:
        weight[-1, -1, tap_y, tap_x] = strength
    groups = layer.groups + more if apart else 1
    return replace(layer, weight=weight, groups=groups, **common)  # type: ignore[arg-type]


def _hands_on(layer: Layer) -> object:
    """Return the neurons of a layer with one more, which speaks whenever it hears the constant."""
    neuron = layer.neuron
    if not isinstance(neuron, Cuba):
        return neuron
    channels = layer.out_shape[0]
    current, voltage = (
        np.append(np.broadcast_to(decay, channels), MAX_DECAY)
        if np.ndim(decay) or not _forgets(neuron)
        else decay
        for decay in neuron.decays
    )
    return Cuba(current, voltage, neuron.threshold)


def _forgets(neuron: Cuba) -> bool:
    """Tell whether a current of the largest weight at every step stays within 24 bits."""
    # where what is added is what decays, 64 w = u du / 4096, it grows no more
    most = ALIGN * MAX_WEIGHT * MAX_DECAY
    return bool(np.all(np.asarray(neuron.current_decay, dtype=np.int64) * STATE_LIMIT > most))


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
