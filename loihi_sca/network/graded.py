"""Which networks of sigma-delta neurons are exact: what netx, Lava and SLAYER agree about."""

from __future__ import annotations

from collections.abc import Iterator

from loihi_sca.network.graph import Network
from loihi_sca.network.layers import Dense, Input, Layer
from loihi_sca.network.neurons import Cuba, Delta, Graded, Sigma
from loihi_sca.network.windows import Conv, Pool
from loihi_sca.problems import Problem


def graded_problems(network: Network) -> Iterator[Problem]:
    """Yield what of a network with sigma-delta neurons is not defined, or not as netx loads it."""
    if not network.is_graded:
        return
    for layer in network:
        if isinstance(layer.neuron, Graded):
            yield from _of_layer(layer, last=layer is network.layers[-1])
        elif isinstance(layer.neuron, Cuba):
            yield Problem(
                layer.name,
                "its neuron is CUBA, beside sigma-delta ones: spikes and messages do not mix",
                "Use neurons of one kind.",
            )


def _of_layer(layer: Layer, last: bool) -> Iterator[Problem]:
    neuron = layer.neuron
    kind = type(neuron).__name__
    if layer.added or layer.source is not None:
        yield Problem(
            layer.name,
            "it hears other layers than the one before it, which was not shown to be exact for "
            "sigma-delta neurons",
            "Use a chain of layers.",
        )
    if isinstance(neuron, Delta) != isinstance(layer, Input):
        yield Problem(
            layer.name,
            f"its neuron is {kind}, and an Input encodes with Delta, every other layer with "
            "SigmaDelta or Sigma",
            "Use the neuron of its place.",
        )
    if isinstance(layer, Input) and (layer.weight, layer.bias) != (64, 0):
        yield Problem(
            layer.name,
            f"it has weight {layer.weight} and bias {layer.bias}, which netx passes over",
            "Scale the data on the host, as integers with 64 for 1.0, and leave them out.",
        )
    if isinstance(layer, Pool):
        yield Problem(
            layer.name,
            "it pools into sigma-delta neurons, which netx cannot load",
            "Use a convolution with stride.",
        )
    if isinstance(neuron, Sigma) and not last:
        yield Problem(
            layer.name,
            "it puts out its sum at every step, which only the last layer can",
            "Use SigmaDelta.",
        )
    if isinstance(neuron, Sigma) and isinstance(layer, Conv | Dense) and layer.bias is not None:
        yield Problem(
            layer.name,
            "it puts out its sum and has a bias, of which netx dies (TypeError)",
            "Leave the bias out.",
        )
