"""What of a network NIR, or a tool that reads it, will not do as the chip does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loihi_sca.exchange.tools import Tool
from loihi_sca.network import Conv, Cuba, Dense, Input, Layer, Network, Pool, Recurrent
from loihi_sca.network.fixed_point import MAX_DECAY


def is_direct(neuron: Cuba) -> bool:
    """Tell whether what arrives enters the voltage as it is, without a current that lasts."""
    return isinstance(neuron.current_decay, int) and neuron.current_decay == MAX_DECAY


def is_uniform(layer: Layer, neuron: Cuba) -> bool:
    """Tell whether all neurons of a layer of more than one dimension are alike."""
    decays = (neuron.current_decay, neuron.voltage_decay)
    leaks = isinstance(layer, Conv) and layer.bias is not None and not is_direct(neuron)
    return len(layer.out_shape) > 1 and not leaks and all(np.ndim(x) == 0 for x in decays)


def _of_the_graph(network: Network, tool: Tool) -> Iterator[str]:
    """Return what is not in a chain of layers that know nothing but spikes."""
    if network.in_shape != network.data_shape:
        yield "the last channel of its input is no data, and has to say 1 at every step"
    looped = [layer.name for layer in network if isinstance(layer, Recurrent)]
    if looped:
        yield (
            f"{', '.join(looped)}: the way back to its own neurons takes a step, as in any cycle "
            "of NIR's; that other tools run it so was not shown"
        )
    if not network.wiring.is_chain:
        yield (
            "its layers hear others than the one before them, in the same step: that other tools "
            "run it so was not shown"
        )


def find_notes(network: Network, tool: Tool) -> Iterator[str]:
    """Return a sentence for each thing that will not be as on the chip."""
    yield from _of_the_graph(network, tool)
    for layer in network:
        neuron = layer.neuron
        biased = isinstance(layer, Conv | Dense) and layer.bias is not None and layer.bias.any()
        if isinstance(neuron, Cuba) and not (is_direct(neuron) or isinstance(layer, Input)):
            if tool.name == "sinabs":
                yield f"{layer.name}: sinabs reads no CubaLIF, which a current_decay below 4096 is"
            elif biased and tool.name in ("snntorch", "norse"):
                does = "refuses it" if tool.name == "snntorch" else "adds it to the current as well"
                yield f"{layer.name}: its bias is v_leak beside a current, and {tool.name} {does}"
        if tool.flat_fields and len(layer.out_shape) > 1 and isinstance(neuron, Cuba):
            if not is_uniform(layer, neuron):
                yield f"{layer.name}: {tool.name} reads no map whose channels have other decays"
        late = isinstance(layer, Dense) and layer.delay is not None and layer.delay.any()
        if late or (layer.axon_delay is not None and layer.axon_delay.any()):
            if tool.name != "nir":
                yield f"{layer.name}: it has delays, and {tool.name} reads no node Delay"
        if isinstance(layer, Pool) or (isinstance(layer, Conv) and layer.groups > 1):
            yield (
                f"{layer.name}: nir 1.0.8 takes the channels of a group for all of them; read it "
                "with type_check=False" + ("" if tool.name == "nir" else f"; {tool.name} does too")
            )
        if isinstance(layer, Conv | Pool) and layer.kernel[0] != layer.kernel[1]:
            yield (
                f"{layer.name}: nir 1.0.8 takes the kernel {layer.kernel} for a square; read it "
                "with type_check=False"
            )
    if network.readout.kind != "count":
        yield f"the read-out ({network.readout.kind}) stands in our metadata only"
