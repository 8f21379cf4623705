"""Which networks of sigma-delta neurons are exact: what netx, Lava and SLAYER agree about."""

from __future__ import annotations

from collections.abc import Iterator

from loihi_sca.network.dense import Dense
from loihi_sca.network.fixed_point import MESSAGE, VALUE
from loihi_sca.network.graph import Network
from loihi_sca.network.layers import Input, Layer
from loihi_sca.network.neurons import Cuba, Delta, Graded, Sigma
from loihi_sca.network.windows import Conv
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


def is_biased(layer: Layer) -> bool:
    """Tell whether a layer has sigma-delta neurons with a bias."""
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    return isinstance(layer.neuron, Graded) and bias is not None and bool(bias.any())


def unit_of(layer: Layer) -> int:
    """Return the integer that a layer sends for a value of 1."""
    if not isinstance(layer.neuron, Graded):
        return 1
    return MESSAGE * (VALUE if isinstance(layer.neuron, Sigma) else 1)


def graded_notes(network: Network) -> Iterator[str]:
    """Yield what whoever runs a network with sigma-delta neurons should know."""
    if not network.is_graded:
        return
    first, last = network.layers[0], network.layers[-1]
    given = VALUE if isinstance(first.neuron, Delta) else MESSAGE
    yield f"{given} at the input, {unit_of(last)} at the output of {last.name} stand for 1.0"
    biased = [layer.name for layer in network if is_biased(layer)]
    if biased:
        yield (
            f"the biases of {', '.join(biased)} act on Lava from the first step on, before "
            "messages arrive: run and verify on the cold schedule, which is the model with "
            "delay_shift=True behind a silent step, or compile with relay=True (--relay)"
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
    if isinstance(layer, Input) and not layer.takes_as_given:
        yield Problem(
            layer.name,
            f"it has weight {layer.weight} and bias {layer.bias}, which netx passes over",
            "Scale the data on the host, as integers with 64 for 1.0, and leave them out.",
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
