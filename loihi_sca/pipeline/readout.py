"""What the host makes of a network's output: one score per class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.result import Engine, RunResult
from loihi_sca.errors import InputError
from loihi_sca.network import Cuba, Dense, IntArray, Network, Readout

NEVER = 1 << 23
"""A threshold that no voltage exceeds."""


def scores(readout: Readout, result: RunResult, engine: Engine) -> npt.NDArray[np.int64]:
    """Return one score per sample and class, (N, classes): what the host reads out, summed over T.

    That is spikes per output, spikes per group of outputs, weighted spikes, or the voltage that
    they drive, in the units of the chip.
    """
    counts = result.counts
    if readout.kind == "average" and readout.groups is not None:
        grouped: npt.NDArray[np.int64] = counts.reshape(len(counts), readout.groups, -1)
        return grouped.sum(axis=-1)  # type: ignore[no-any-return]
    if readout.kind == "affine" and readout.weight is not None:
        if readout.neuron is not None:
            return _voltages(readout.weight, readout.neuron, result, engine)
        weighted: npt.NDArray[np.int64] = counts @ readout.weight.T.astype(np.int64)
        return weighted
    return counts


def count_classes(network: Network) -> int:
    """Return how many classes a network tells apart.

    Raises
    ------
    InputError
        Its read-out does not fit its outputs.
    """
    readout, outputs = network.readout, network.layers[-1].neurons
    if readout.kind == "average" and readout.groups is not None:
        if outputs % readout.groups:
            raise InputError(
                f"{network.name}: {outputs} outputs do not divide into {readout.groups} groups."
            )
        return readout.groups
    if readout.kind == "affine" and readout.weight is not None:
        if readout.weight.shape[1] != outputs:
            raise InputError(
                f"{network.name}: the read-out weighs {readout.weight.shape[1]} outputs, "
                f"but there are {outputs}."
            )
        return int(readout.weight.shape[0])
    return outputs


def _voltages(
    weight: IntArray, neuron: Cuba, result: RunResult, engine: Engine
) -> npt.NDArray[np.int64]:
    """Run the read-out as a layer that never spikes, and sum its voltage over time."""
    layer = Dense("readout", (weight.shape[1],), weight, neuron=replace(neuron, threshold=NEVER))
    spikes = result.spikes.reshape(result.samples, -1, result.timesteps)
    ready = engine(Network("readout", (layer,)))
    trace = ready.run(spikes, record=["readout"]).traces["readout"]
    if trace.voltage is None:
        raise InputError("this engine does not tell voltages, which the read-out needs.")
    total: npt.NDArray[np.int64] = trace.voltage.sum(axis=-1, dtype=np.int64)
    return total
