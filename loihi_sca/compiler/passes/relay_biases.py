"""Make biases of sigma-delta layers into weights, for Lava's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loihi_sca.compiler.passes.constant_channel import relay_problems, with_constant_channel
from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.network import Conv, Delta, Dense, IntArray, Layer, Network
from loihi_sca.problems import Problem, raise_for


def relay_biases(network: Network) -> Network:
    """Carry a constant 1 through the layers, and make biases weights of it.

    On Lava a bias acts from the first step on, before messages arrive. A weight acts when they do.

    Contract: on the ``pipelined`` schedule every channel sends what it sent; there is no bias left,
    so that on the ``cold`` one, which is Lava's, layer ``k`` sends the same ``k`` steps later. The
    input has one more channel, which is 1 at every step and which engines fill in, and so has every
    layer before the last one with a bias. A network without biases stays as it is.

    Raises
    ------
    UnsupportedLayer
        It is no sigma-delta network that begins with a Delta; a threshold is above 1; a bias is no
        weight; no tap of a convolution lies within the map everywhere; it has groups.
    """
    raise_for(bias_problems(network))
    network = lower_pool(network)
    without = network.replace(layers=tuple(map(_without_bias, network)))
    biases = _biases(network)
    return with_constant_channel(without, biases) if biases else without


def bias_problems(network: Network) -> tuple[Problem, ...]:
    """Return why :func:`relay_biases` cannot be exact; empty if it can."""
    network = lower_pool(network)
    return (*_problems(network), *relay_problems(network, _biases(network)))


def _biases(network: Network) -> dict[str, IntArray]:
    return {
        layer.name: layer.bias
        for layer in network
        if isinstance(layer, Conv | Dense) and layer.bias is not None and layer.bias.any()
    }


def _problems(network: Network) -> Iterator[Problem]:
    first = network.layers[0]
    if not isinstance(first.neuron, Delta):
        yield Problem(
            first.name, "only a Delta at the input encodes the constant that biases come from",
            "Begin with an Input block.",
        )  # fmt: skip


def _without_bias(layer: Layer) -> Layer:
    return replace(layer, bias=None) if isinstance(layer, Conv | Dense) else layer
