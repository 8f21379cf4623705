"""Lava processes for a network that is no chain, which netx could not load.

Reads the file of :mod:`loihi_sca.netx.graph_file` and puts Lava's own Conv, Dense and LIF together
as netx does. Several synapses may end in one port of neurons, where Lava adds up what they send,
each one step after its spikes. As the worker this runs in whatever Python has Lava, and imports
nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

WEIGHT_BITS = 8
BIAS_EXPONENT = 6


def build(
    path: str | Path, source: Any, depths: Sequence[int], reset_interval: int | None
) -> list[Any]:
    """Build all layers and return their output ports, those of the input left out.

    Parameters
    ----------
    path : path-like
        The file.
    source : OutPort
        Where the spikes of the input come from, of shape (W, H, C) or (N,).
    depths : sequence of int
        Of each layer of the file the step at which its first spike can arrive.
    reset_interval : int or None
        Steps between resets of the neurons' state; None for no reset.
    """
    ports: dict[str, Any] = {}
    outputs = []
    before = None
    with h5py.File(path, "r") as file:
        layers = file["layers"]
        for index, depth in enumerate(depths):
            layer = layers[str(index)]
            name = layer.attrs["name"]
            if layer.attrs["type"] == "input":
                ports[name] = source
            else:
                reset = None if reset_interval is None else (reset_interval, depth + 1)
                ports[name] = _layer(layer, ports, source if before is None else before, reset)
                outputs.append(ports[name])
            before = ports[name]
    return outputs


def _layer(layer: Any, ports: dict[str, Any], before: Any, reset: tuple[int, int] | None) -> Any:
    neurons = None
    for table in _tables(layer):
        named = table.attrs.get("source")
        arriving = before if named is None else ports[named]
        synapses = _conv(table) if table.attrs["type"] == "conv" else _dense(table, arriving.shape)
        flat = len(arriving.shape) > len(synapses.s_in.shape)
        (arriving.flatten() if flat else arriving).connect(synapses.s_in)
        if neurons is None:
            neurons = _neurons(layer, synapses.a_out.shape, reset)
        synapses.a_out.connect(neurons.a_in)
    return neurons.s_out  # type: ignore[union-attr]  # a layer has a table


def _tables(layer: Any) -> Iterator[Any]:
    yield layer
    added = layer.get("added", {})
    for index in range(len(added)):
        yield added[str(index)]


def _conv(table: Any) -> Any:
    from lava.proc.conv.process import Conv

    # Lava convolves, in the order (W, H, C)
    weight = table["weight"][()][:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    return Conv(
        weight=np.ascontiguousarray(weight),
        input_shape=tuple(int(n) for n in table.attrs["in_shape"][::-1]),
        stride=[int(n) for n in table.attrs["stride"][::-1]],
        padding=[int(n) for n in table.attrs["padding"][::-1]],
        dilation=[int(n) for n in table.attrs["dilation"][::-1]],
        groups=int(table.attrs["groups"]),
        num_message_bits=0,
    )


def _dense(table: Any, arriving: tuple[int, ...]) -> Any:
    from lava.proc.dense.process import Dense
    from lava.utils.weightutils import SignMode

    weight = table["weight"][()]
    if len(arriving) == 3:  # flattened as Lava has it, (W, H, C), instead of (C, H, W)
        weight = weight.reshape(-1, *arriving[::-1]).transpose(0, 3, 2, 1).reshape(len(weight), -1)
    # of mixed signs, even integers from -256 to 254 are what the 8 bits hold
    return Dense(
        weights=weight, weight_exp=0, num_weight_bits=WEIGHT_BITS, num_message_bits=0,
        sign_mode=SignMode.MIXED,
    )  # fmt: skip


def _neurons(layer: Any, shape: tuple[int, ...], reset: tuple[int, int] | None) -> Any:
    from lava.proc.lif.process import LIF, LIFReset

    stored = layer["neuron"]
    bias: Any = np.zeros(shape, dtype=int)
    if "bias" in layer:
        bias += layer["bias"][()]  # channels are the last axis
    options: dict[str, Any] = {
        "shape": shape,
        "du": stored["current_decay"][()].astype(int) - 1,  # the chip adds 1
        "dv": stored["voltage_decay"][()].astype(int),
        "vth": int(stored["threshold"][()]),
        "bias_mant": bias,
        "bias_exp": BIAS_EXPONENT,
    }
    if reset is None:
        return LIF(**options)
    return LIFReset(reset_interval=reset[0], reset_offset=reset[1], **options)
