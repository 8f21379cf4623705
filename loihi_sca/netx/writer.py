"""Write a network as netx HDF5 that stock lava-dl loads."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from importlib.metadata import version

import h5py
import numpy as np

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.files import atomic_path
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Graded,
    Input,
    Layer,
    Network,
    Recurrent,
    Resonator,
    Sigma,
)
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_THRESHOLD, MIN_BIAS
from loihi_sca.network.undefined import undefined_dynamics
from loihi_sca.netx import in_memory
from loihi_sca.netx.limits import (
    MAX_CONV_INTEGER,
    MAX_DELAY,
    loads_as_it_is,
    mantissas_to_store,
    tables_load,
)
from loihi_sca.netx.readout_json import readout_as_json

SCHEMA = 2
"""Version of the ``loihi_sca`` group; 1 knows no constant channel, and is still written without."""

GROUP = "loihi_sca"

NO_GRAPH = (
    "its layers hear others than the one before them, and netx knows chains only, without add "
    "(netx.save writes a file of our own)"
)


def write(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network; the same network gives the same bytes.

    Parameters
    ----------
    network : Network
        Of Input, Conv and Dense layers with CUBA or sigma-delta neurons, also recurrent ones, and
        of resonators behind complex weights; lowered.
    path : path-like
        Written atomically.

    Raises
    ------
    UnsupportedLayer
        Stock lava-dl would refuse a layer or, worse, load something else. All are listed.
    InputError
        The path cannot be written, or the disk is full. What was there before is still there.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.write(network, "tiny.net")
    """
    require_loadable(network)
    image = in_memory.image(lambda file: _fill(file, network))
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def _fill(file: h5py.File, network: Network) -> None:
    index, before = 0, None
    for layer in network:
        flat = isinstance(layer, Dense | ComplexDense)
        if flat and before is not None and len(before.out_shape) == 3:
            _write_flatten(file.create_group(f"layer/{index}"), layer)
            index += 1
        _write_layer(file.create_group(f"layer/{index}"), layer)
        index, before = index + 1, layer
    if network.timesteps is not None:
        file["simulation/Ts"] = 1
        file["simulation/tSample"] = network.timesteps
    _write_own_group(file.create_group(GROUP), network)


def require_loadable(network: Network) -> None:
    """Raise :class:`UnsupportedLayer` where stock lava-dl would refuse or change a layer."""
    problems = [f"{x.name}: {p}" for x in network for p in (*problems_of(x), *_weight_problems(x))]
    problems += [f"{x.layer}: {x.reason}" for x in undefined_dynamics(network)]
    if not network.wiring.is_chain:
        problems.insert(0, NO_GRAPH)
    if problems:
        raise UnsupportedLayer("cannot be written as netx: " + "; ".join(problems))


def problems_of(layer: Layer) -> list[str]:
    """Say what of a layer Lava has no place for, its added tables and dense weights left out."""
    if isinstance(layer, ComplexDense):
        return _problems_of_resonators(layer)
    if not isinstance(layer, Input | Conv | Dense):
        return [f"{type(layer).__name__} has no netx block that loads"]
    found = []
    if not isinstance(layer.neuron, Cuba | Graded) and not (
        isinstance(layer, Input) and layer.neuron is None
    ):
        found.append("its neuron is neither CUBA nor of the sigma-delta family")
    elif (
        isinstance(layer.neuron, Cuba)
        and not isinstance(layer, Dense)
        and (np.ndim(layer.neuron.current_decay) or np.ndim(layer.neuron.voltage_decay))
    ):
        found.append("decays per channel do not load; share one decay")
    if isinstance(layer.neuron, Cuba) and layer.neuron.threshold > MAX_THRESHOLD:
        found.append(f"threshold {layer.neuron.threshold} is above {MAX_THRESHOLD}")
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    if bias is not None and (bias.min() < MIN_BIAS or bias.max() > MAX_BIAS):
        found.append(f"biases {bias.min()} to {bias.max()} exceed {MIN_BIAS} to {MAX_BIAS}")
    if layer.axon_delay is not None and layer.axon_delay.any():
        found.append("axon delays must be moved into the next layer's synapses first")
    if isinstance(layer, Conv) and layer.groups > MAX_CONV_INTEGER:
        found.append(
            f"{layer.groups} groups are more than {MAX_CONV_INTEGER}, which Lava gets wrong"
        )
    if isinstance(layer, Dense) and layer.delay is not None and layer.delay.max() > MAX_DELAY:
        found.append(f"delay {layer.delay.max()} is above {MAX_DELAY}, which Lava clamps")
    return found


def _weight_problems(layer: Layer) -> Iterator[str]:
    if isinstance(layer, Dense) and not loads_as_it_is(layer):
        yield "netx would change its weights, or fail to load them; compile it"


def _problems_of_resonators(layer: ComplexDense) -> list[str]:
    found = []
    if not all(tables_load([table]) for table in (layer.real, layer.imag)):
        found.append("netx would change its weights, or fail to load them")
    neuron = layer.neuron
    if isinstance(neuron, Resonator) and neuron.threshold > MAX_THRESHOLD:
        found.append(f"threshold {neuron.threshold} is above {MAX_THRESHOLD}")
    if layer.axon_delay is not None and layer.axon_delay.any():
        found.append("axon delays must be moved into the next layer's synapses first")
    return found


def _write_layer(group: h5py.Group, layer: Layer) -> None:
    if isinstance(layer, Input):
        _text(group, "type", ["input"])
        if layer.neuron is not None:
            group["weight"] = np.array([layer.weight], dtype=np.int32)
            group["bias"] = np.array([layer.bias], dtype=np.int32)
    elif isinstance(layer, Conv):
        _text(group, "type", ["conv"])
        group["inChannels"] = layer.in_shape[0]
        group["outChannels"] = layer.out_channels
        group["kernelSize"] = np.array(layer.kernel)
        group["stride"] = np.array(layer.stride)
        group["padding"] = np.array(layer.padding)
        group["dilation"] = np.array(layer.dilation)
        group["groups"] = layer.groups
    elif isinstance(layer, Dense):
        _text(group, "type", ["dense_rec" if isinstance(layer, Recurrent) else "dense"])
        group["inFeatures"] = layer.weight.shape[1]
        group["outFeatures"] = layer.weight.shape[0]
        if isinstance(layer, Recurrent):
            group["weight_rec"] = layer.feedback
        elif layer.delay is not None:
            group["delay"] = layer.delay
    elif isinstance(layer, ComplexDense):
        _text(group, "type", ["dense"])
        group["inFeatures"] = layer.real.shape[1]
        group["outFeatures"] = layer.real.shape[0]
        group["weight/real"], group["weight/imag"] = layer.real, layer.imag
    group["shape"] = np.array(layer.out_shape)
    if isinstance(layer, Conv | Dense):
        group["weight"] = layer.weight
        if layer.bias is not None:
            group["bias"] = layer.bias
    if isinstance(layer.neuron, Cuba | Resonator | Graded):
        _write_neuron(group.create_group("neuron"), layer.neuron)


def _write_flatten(group: h5py.Group, layer: Layer) -> None:
    _text(group, "type", ["flatten"])
    group["shape"] = np.array([math.prod(layer.in_shape), 1, 1])


def _write_neuron(group: h5py.Group, neuron: Cuba | Resonator | Graded) -> None:
    if isinstance(neuron, Graded):
        _text(group, "type", "SDNN")
        _text(group, "activation", "relu")
        if isinstance(neuron, Sigma):
            group["sigma_output"] = True
        else:
            group["vThMant"] = neuron.threshold
        return
    if isinstance(neuron, Resonator):
        _text(group, "type", "RF_IZHIKEVICH" if neuron.izhikevich else "RF_PHASE")
        group["sinDecay"], group["cosDecay"] = map(mantissas_to_store, neuron.decays)
        group["vThMant"] = neuron.threshold
        group["gradedSpike"] = False
        return
    _text(group, "type", "CUBA")
    group["iDecay"] = neuron.current_decay
    group["vDecay"] = neuron.voltage_decay
    group["vThMant"] = neuron.threshold
    group["refDelay"] = 1
    group["gradedSpike"] = False


def _write_own_group(group: h5py.Group, network: Network) -> None:
    group.attrs["schema"] = SCHEMA if network.in_shape != network.data_shape else 1
    group.attrs["tool"] = f"loihi-sca {version('loihi-sca')}"
    group.attrs["digest"] = network.digest()
    group.attrs["name"] = network.name
    if network.timesteps is not None:
        group.attrs["timesteps"] = network.timesteps
    group.attrs["layer_names"] = json.dumps([layer.name for layer in network])
    # a dense layer may take a map or its flattening; the file has one form for both
    group.attrs["in_shapes"] = json.dumps([layer.in_shape for layer in network])
    # the shapes in the file are those of outputs: a network without Input layer needs this one
    group.attrs["in_shape"] = np.array(network.in_shape)
    if network.in_shape != network.data_shape:
        group.attrs["constant"] = True
    group.attrs["readout"] = json.dumps(readout_as_json(network.readout), sort_keys=True)
    group.attrs["metadata"] = json.dumps(dict(network.metadata), sort_keys=True)


def _text(group: h5py.Group, name: str, value: str | list[str]) -> None:
    """Store ASCII the way lava-dl does: a list as an array of S10, a string as a scalar."""
    data = (
        np.array([v.encode("ascii") for v in value], dtype="S10")
        if isinstance(value, list)
        else np.bytes_(value.encode("ascii"))
    )
    group.create_dataset(name, data=data)
