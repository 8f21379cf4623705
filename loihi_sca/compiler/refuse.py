"""What of a network cannot be brought to the chip exactly: one check each, all collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from loihi_sca.compiler.bounds import bounds
from loihi_sca.hardware import describe, load_profile, range_rules
from loihi_sca.hardware.schema import Profile
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    Layer,
    Network,
    OtherLayer,
    OtherNeuron,
    Pool,
    Recurrent,
    Window,
)
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_WEIGHT, MIN_BIAS, MIN_WEIGHT
from loihi_sca.network.undefined import undefined_dynamics
from loihi_sca.netx.fields import explain_layer, explain_neuron
from loihi_sca.netx.limits import MAX_CONV_INTEGER, tables_as_loaded, tables_of
from loihi_sca.problems import Problem

Check: TypeAlias = Callable[[Network], Iterator[Problem]]

RANGE_RULES: tuple[range_rules.RangeRule, ...] = (
    range_rules.weight_bits, range_rules.delay, range_rules.threshold, range_rules.decay,
)  # fmt: skip
"""Limits on single numbers; whether a network fits on a chip is not the compiler's business."""


def find_problems(network: Network, profile: str | Profile = "loihi2") -> tuple[Problem, ...]:
    """Return everything that keeps a lowered network from running exactly, in layer order.

    Parameters
    ----------
    network : Network
        After all passes.
    profile : str or Profile
        The chip whose ranges of weights, biases, thresholds, decays and delays hold.
    """
    found = [problem for check in CHECKS for problem in check(network)]
    found.extend(_out_of_range(network, profile))
    order = {x.name: i for i, layer in enumerate(network) for x in layer.tables}
    return tuple(sorted(found, key=lambda p: order[p.layer]))


def unknown_dynamics(network: Network) -> Iterator[Problem]:
    """Blocks and neurons that no engine of ours defines."""
    for layer in network:
        neuron = layer.neuron
        if isinstance(neuron, OtherNeuron):  # says more than its synapses do
            yield Problem(layer.name, *explain_neuron(neuron.type, neuron.parameters))
        elif isinstance(layer, OtherLayer):
            yield Problem(layer.name, *explain_layer(layer.type, tuple(layer.weights)))
        elif layer.neuron is None and not isinstance(layer, Input):
            yield Problem(layer.name, "it has synapses and no neuron", "Give it a CUBA neuron.")
    yield from undefined_dynamics(network)


def decays_per_channel(network: Network) -> Iterator[Problem]:
    """Decays that Lava's neuron, broadcast over a map from its last axis, would not take as such.

    The neurons of a dense layer have no map, and each takes its own.
    """
    for layer in network:
        neuron = layer.neuron
        if (
            isinstance(neuron, Cuba)
            and not isinstance(layer, Dense)
            and (np.ndim(neuron.current_decay) or np.ndim(neuron.voltage_decay))
        ):
            yield Problem(
                layer.name,
                "its decays differ between channels, and Lava's neurons of a map share one",
                "Train with shared_param=True.",
            )


def axon_delays(network: Network) -> Iterator[Problem]:
    """Delays that no dense layer could take over."""
    wiring = network.wiring
    for index, layer in enumerate(network):
        if layer.axon_delay is None or not layer.axon_delay.any():
            continue
        heard_by = [network.layers[i].tables[k] for i, k in wiring.listeners(index)]
        takes_none = (x for x in heard_by if not isinstance(x, Dense) or isinstance(x, Recurrent))
        consumer = next(takes_none, None)
        if consumer is None:
            yield Problem(
                layer.name,
                "it delays its outputs and has a bias, so the delay cannot move to its inputs, and "
                "there is no layer after it to take it over",
                "Switch off the delay or the norm of the last block.",
            )
        elif isinstance(consumer, Recurrent | ComplexDense):
            why = (
                "recurrent, whose delays netx gives to its own spikes as well"
                if isinstance(consumer, Recurrent)
                else "of complex weights, whose delays netx does not read"
            )
            yield Problem(
                layer.name,
                f"its outputs are delayed, and {consumer.name} after it is {why}",
                "Delay a block that feeds a dense one.",
            )
        elif not wiring.is_chain:
            yield Problem(
                layer.name,
                f"its outputs are delayed, and {consumer.name}, which listens, is a convolution, "
                "which has no delays",
                "Switch off the delay.",
            )
        else:
            yield Problem(
                layer.name,
                f"its outputs are delayed, and {consumer.name} after it is a convolution, whose "
                "delays netx drops without a word",
                "Delay a block that feeds a dense one, or compile with unroll_delays=True, which "
                f"makes {consumer.name} dense with {_unrolled_size(consumer)} synapses.",
            )


def _unrolled_size(layer: Layer) -> str:
    return f"{layer.neurons * int(np.prod(layer.in_shape)):,}".replace(",", " ")


def conv_integers(network: Network) -> Iterator[Problem]:
    """Sizes that overflow Lava's 8 bit integers."""
    for layer in _tables(network):
        if isinstance(layer, Pool):
            yield Problem(layer.name, "netx stores a pool and cannot load it", "Run all passes.")
        if not isinstance(layer, Window):
            continue
        sizes = {
            "kernel": max(layer.kernel), "stride": max(layer.stride),
            "padding": max(layer.padding), "dilation": max(layer.dilation),
            "groups": layer.groups if isinstance(layer, Conv) else 1,
        }  # fmt: skip
        for what, size in sizes.items():
            if size > MAX_CONV_INTEGER:
                yield Problem(
                    layer.name,
                    f"its {what} is {size}, and Lava keeps it in 8 bits, sign included, so that it "
                    "computes something else",
                    f"Use at most {MAX_CONV_INTEGER}.",
                )


def left_to_chains(network: Network) -> Iterator[Problem]:
    """Layers that neither the file of a network that is no chain nor its loader knows."""
    for layer in network:
        if isinstance(layer, Recurrent | ComplexDense) and not network.wiring.is_chain:
            what = "recurrent" if isinstance(layer, Recurrent) else "of resonators"
            yield Problem(
                layer.name,
                f"it is {what}, in a network whose layers hear others than the one before them",
                "Use a chain of layers, or dense and convolutional ones.",
            )


def pruned_to_nothing(network: Network) -> Iterator[Problem]:
    """Layers that never speak, or never listen."""
    heads = network.wiring.heads
    for index, (layer, bound) in enumerate(zip(network, bounds(network), strict=True)):
        last = index in heads
        if isinstance(layer, Conv | Pool | Dense) and not any(map(_weighs, layer.tables)):
            yield Problem(
                layer.name,
                "all its weights are zero, so that it does not depend on the input (and netx "
                "fails on such a dense layer with an OverflowError)",
                "Prune less, or raise the minimum of channels per layer.",
            )
        elif not bound.can_spike.any() and not last:
            yield Problem(
                layer.name,
                "it has no channel left that could ever spike",
                "Prune less, raise the minimum of channels per layer, or lower the threshold.",
            )


def changed_weights(network: Network) -> Iterator[Problem]:
    """Dense weights that netx would load as others; what it does not load must be on the grid."""
    if not network.wiring.is_chain:
        yield from _weights_off_grid(network)
        return
    for layer in network:
        yield from _changed(layer)


def _changed(layer: Layer) -> Iterator[Problem]:
    if isinstance(layer, ComplexDense):  # each part with an exponent of its own
        together = [[layer.real], [layer.imag]]
    elif isinstance(layer, Dense) and layer.weight.any():
        together = [tables_of(layer)]
    else:
        return
    for tables in together:
        weight = np.concatenate(tables, axis=1)
        loaded = tables_as_loaded(tables)
        if loaded is None:
            yield Problem(
                layer.name,
                f"netx cannot load its weights, {weight.min()} to {weight.max()}",
                "Quantise the weights to even integers from -256 to 254.",
            )
            continue
        changed = np.argwhere(np.concatenate(loaded, axis=1) != weight)
        if changed.size:
            place = tuple(int(i) for i in changed[0])
            yield Problem(
                layer.name,
                f"netx would change {len(changed)} of its weights, the first from "
                f"{weight[place]} to {np.concatenate(loaded, axis=1)[place]}",
                "Give the output layer one positive weight, or keep weights from -254 to 254.",
            )


def _weights_off_grid(network: Network) -> Iterator[Problem]:
    for table in _tables(network):
        if not isinstance(table, Conv | Dense):
            continue
        weight = table.weight
        if (weight % 2).any() or weight.min() < MIN_WEIGHT or weight.max() > MAX_WEIGHT:
            yield Problem(
                table.name,
                f"its weights, {weight.min()} to {weight.max()}, are not even numbers of 8 bits",
                f"Quantise the weights to even integers from {MIN_WEIGHT} to {MAX_WEIGHT}.",
            )


def _tables(network: Network) -> Iterator[Layer]:
    for layer in network:
        yield from layer.tables


def _weighs(table: Layer) -> bool:
    return isinstance(table, Conv | Pool | Dense) and bool(table.weight.any())


def biases(network: Network) -> Iterator[Problem]:
    """Biases beyond the mantissa that netx stores."""
    for layer in network:
        bias = layer.bias if isinstance(layer, Conv | Dense) else None
        if bias is not None and (bias.min() < MIN_BIAS or bias.max() > MAX_BIAS):
            yield Problem(
                layer.name,
                f"its biases span {bias.min()} to {bias.max()}, and netx stores {MIN_BIAS} to "
                f"{MAX_BIAS}: a mantissa of 13 bits with exponent 6",
                "Scale threshold, weights and bias down together.",
                limit=True,
            )


CHECKS: tuple[Check, ...] = (
    unknown_dynamics, decays_per_channel, axon_delays, conv_integers, left_to_chains,
    pruned_to_nothing, changed_weights, biases,
)  # fmt: skip


def _out_of_range(network: Network, profile: str | Profile) -> Iterator[Problem]:
    """Numbers too large for the chip, by the design rules of the hardware package."""
    chip = load_profile(profile) if isinstance(profile, str) else profile
    layers = describe(network).layers
    found = [v for rule in RANGE_RULES for spec in layers for v in rule(spec, chip)]
    for violation in (*found, *range_rules.payload_of_all(layers, chip)):
        yield Problem(violation.layer, violation.reason, violation.hint, limit=True)
