"""What of a network has no exact counterpart on the chip, whatever its numbers are."""

from __future__ import annotations

from collections.abc import Iterator

from loihi_sca.network.dense import ComplexDense, Recurrent
from loihi_sca.network.graded import graded_problems
from loihi_sca.network.graph import Network
from loihi_sca.network.neurons import Graded, Resonator
from loihi_sca.problems import Problem


def undefined_dynamics(network: Network) -> Iterator[Problem]:
    """Yield what neither our engines nor netx define, of layers and neurons that both know."""
    yield from graded_problems(network)
    yield from _recurrent_problems(network)
    for layer in network:
        if isinstance(layer.neuron, Resonator) != isinstance(layer, ComplexDense):
            yield Problem(
                layer.name,
                "resonators take complex weights, and complex weights resonators: it has "
                f"{type(layer.neuron).__name__}",
                "Use ComplexDense with Resonator.",
            )


def _recurrent_problems(network: Network) -> Iterator[Problem]:
    for layer in network:
        if not isinstance(layer, Recurrent):
            continue
        if layer.delay is not None and layer.delay.any():
            yield Problem(
                layer.name,
                "it is recurrent and its synapses have delays, which netx gives to what the layer "
                "feeds back to itself as well",
                "Delay the layer before it, or none.",
            )
        if isinstance(layer.neuron, Graded):
            yield Problem(
                layer.name,
                "it is recurrent, and its neuron sends messages: only spikes come back exactly",
                "Use CUBA neurons.",
            )
