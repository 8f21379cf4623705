"""Small netx files as lava-dl's exporters write them, and Lava's CPU backend to run them.

netx imports SLAYER for the parameters of resonators and for use on line only; empty modules stand
in for it, so that neither torch nor the rest of lava-dl's dependencies is needed.
"""

import os
import sys
import types

for _name in (
    "lava.lib.dl.slayer",
    "lava.lib.dl.slayer.neuron",
    "lava.lib.dl.slayer.neuron.rf",
    "lava.lib.dl.netx.sequential_modules",
):
    _module = types.ModuleType(_name)
    _module.__file__ = __file__
    _module.neuron_params = None
    sys.modules[_name] = _module

import h5py  # noqa: E402
import numpy as np  # noqa: E402
from lava.lib.dl.netx import hdf5  # noqa: E402
from lava.magma.core.run_conditions import RunSteps  # noqa: E402
from lava.magma.core.run_configs import Loihi2SimCfg  # noqa: E402
from lava.proc.io.sink import RingBuffer as Sink  # noqa: E402
from lava.proc.io.source import RingBuffer as Source  # noqa: E402

NEURON = {
    "type": "CUBA",
    "iDecay": 4096,
    "vDecay": 4096,
    "vThMant": 100,
    "refDelay": 1,
    "gradedSpike": False,
}
"""No memory: a neuron spikes when the weights of one step add up to more than 100."""

_count = 0


def _put(group, key, value):
    if isinstance(value, str):
        group.create_dataset(key, (1,), "S10", [value.encode()])
    else:
        group[key] = value


def write(shape, layer, neuron=NEURON):
    """Write an input layer of a shape and one layer behind it; return the path."""
    global _count
    _count += 1
    path = os.path.join(os.getcwd(), f"{_count}.net")  # netx never closes what it opened
    with h5py.File(path, "w") as file:
        _put(file, "layer/0/type", "input")
        file["layer/0/shape"] = np.array(shape)
        for key, value in layer.items():
            _put(file, f"layer/1/{key}", value)
        for key, value in neuron.items():
            _put(file, f"layer/1/neuron/{key}", value)
    return path


def dense(weight, neuron=NEURON, **fields):
    """Write a dense layer; weight is (outputs, inputs)."""
    weight = np.asarray(weight, dtype=np.int32)
    layer = {
        "type": "dense",
        "shape": np.array([len(weight)]),
        "inFeatures": weight.shape[1],
        "outFeatures": len(weight),
        "weight": weight,
        **fields,
    }
    return write(weight.shape[1:], layer, neuron)


def run(path, spikes, tag="fixed_pt", message_bits=0):
    """Return what the last layer sends (outputs, steps) for spikes (inputs, steps)."""
    net = hdf5.Network(path, input_message_bits=message_bits)
    steps = spikes.shape[-1]
    source, sink = Source(data=spikes), Sink(shape=net.out.shape, buffer=steps)
    source.s_out.connect(net.inp)
    net.out.connect(sink.a_in)
    net.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag=tag))
    sent = sink.data.get()
    net.stop()
    return sent.astype(int)


def expect(what, seen, expected):
    """Print what was seen; end with an error if it is not what was seen when this was written."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: {expected} was seen before")
