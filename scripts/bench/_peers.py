"""The same network in other people's libraries, as functions that return seconds."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from _bench import seconds

from loihi_sca.engine import fast
from loihi_sca.network import Conv, Cuba, Dense, Layer, Network, Pool

HOW = 'pip install "loihi-sca[bench]"'


class Unavailable(Exception):
    """A library that is not installed; the message says how to get it."""


def _imported(name: str) -> Any:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{name} is not installed, its rows are missing ({HOW}).") from error


def _synapses(layer: Layer) -> Any:
    """Return the synapses of a layer as a torch module that takes (N, *in_shape)."""
    torch = _imported("torch")
    nn = torch.nn
    if isinstance(layer, Dense):
        module = nn.Linear(layer.weight.shape[1], layer.weight.shape[0], bias=False)
        weight = layer.weight
        module = nn.Sequential(nn.Flatten(), module)
    elif isinstance(layer, Conv | Pool):
        channels = layer.in_shape[0]
        groups = layer.groups if isinstance(layer, Conv) else channels
        weight = layer.weight
        if isinstance(layer, Pool):
            weight = np.broadcast_to(weight, (channels, 1, *layer.kernel))
        module = nn.Sequential(
            nn.Conv2d(
                channels, layer.out_shape[0], layer.kernel, layer.stride, layer.padding,
                layer.dilation, groups, bias=False,
            )
        )  # fmt: skip
    else:
        raise TypeError(f"{layer.name}: no synapses")
    module[-1].weight.data = torch.from_numpy(np.array(weight, dtype=np.float32))
    return module


def _keeps(layer: Layer) -> tuple[float, float, float]:
    """Return the share of current and voltage that stays, and the threshold, in float."""
    neuron = layer.neuron
    assert isinstance(neuron, Cuba)  # noqa: S101
    current, voltage = (1 - np.mean(x) / 4096 for x in (neuron.current_decay, neuron.voltage_decay))
    return float(current), float(voltage), float(neuron.threshold)


def bare_torch(network: Network, data: np.ndarray) -> Callable[[], float]:
    """Return the convolutions and products of all layers, each on the spikes that it gets."""
    torch = _imported("torch")
    names = [layer.name for layer in network]
    traces = fast.run(network, data, record=names).traces
    arriving = [data, *(traces[name].spikes for name in names[:-1])]
    work = []
    for layer, spikes in zip(network, arriving, strict=True):
        folded = np.moveaxis(spikes, -1, 1).reshape(-1, *spikes.shape[1:-1])
        work.append((_synapses(layer), torch.from_numpy(folded.astype(np.float32))))

    def run() -> None:
        with torch.no_grad():
            for module, spikes in work:
                module(spikes)

    return lambda: seconds(run)


def snntorch_model(network: Network, data: np.ndarray) -> Callable[[], float]:
    """Return the network as snnTorch has it: a loop over time, synaptic LIF neurons."""
    torch, snn = _imported("torch"), _imported("snntorch")
    synapses = [_synapses(layer) for layer in network]
    neurons = []
    for layer in network:
        alpha, beta, threshold = _keeps(layer)
        neurons.append(snn.Synaptic(alpha, beta, threshold=threshold, reset_mechanism="zero"))
    steps = torch.from_numpy(np.moveaxis(data, -1, 0).astype(np.float32))

    def run() -> None:
        with torch.no_grad():
            states = [neuron.init_synaptic() for neuron in neurons]
            total = 0
            for spikes in steps:
                for i, (synapse, neuron) in enumerate(zip(synapses, neurons, strict=True)):
                    spikes, *state = neuron(synapse(spikes), *states[i])
                    states[i] = tuple(state)
                total = total + spikes

    return lambda: seconds(run)


def spikingjelly_model(network: Network, data: np.ndarray) -> Callable[[], float]:
    """Return the network as SpikingJelly has it: layer by layer over all steps, LIF neurons."""
    torch = _imported("torch")
    neuron = _imported("spikingjelly.activation_based.neuron")
    layer_of = _imported("spikingjelly.activation_based.layer")
    functional = _imported("spikingjelly.activation_based.functional")
    parts = []
    for layer in network:
        _, beta, threshold = _keeps(layer)
        parts.append(layer_of.SeqToANNContainer(_synapses(layer)))
        parts.append(
            neuron.LIFNode(
                tau=1 / (1 - beta), decay_input=False, v_threshold=threshold, v_reset=0.0,
                step_mode="m", backend="torch",
            )
        )  # fmt: skip
    model = torch.nn.Sequential(*parts).eval()
    steps = torch.from_numpy(np.moveaxis(data, -1, 0).astype(np.float32))

    def run() -> None:
        with torch.no_grad():
            model(steps).sum(0)
        functional.reset_net(model)

    return lambda: seconds(run)
