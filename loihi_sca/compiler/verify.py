"""Prove that two executions of a network agree, spike for spike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loihi_sca.engine.result import RunResult, SpikeArray
from loihi_sca.errors import NotBitExact
from loihi_sca.network import Network

LayerSpikes = Mapping[str, SpikeArray]
"""Spikes (N, *out_shape, T) by layer name."""


def assert_same_spikes(expected: LayerSpikes, actual: LayerSpikes, between: str) -> None:
    """Raise at the first layer whose spikes differ, naming where.

    Parameters
    ----------
    expected, actual : mapping of layer name to uint8 array (N, *out_shape, T)
        In the order of the layers; every layer of ``expected`` is compared.
    between : str
        What is compared, for the message, for example ``reference and Lava``.

    Raises
    ------
    NotBitExact
        Names layer, sample, neuron, timestep and both values.
    """
    for name, wanted in expected.items():
        if name not in actual or actual[name].shape != wanted.shape:
            found = "nothing" if name not in actual else f"shape {actual[name].shape}"
            raise NotBitExact(f"{between}: {name} should give shape {wanted.shape}, gave {found}.")
        differs = actual[name] != wanted
        if differs.any():
            sample, *neuron, step = (int(i) for i in np.argwhere(differs)[0])
            place = (sample, *neuron, step)
            raise NotBitExact(
                f"{between} differ in {int(differs.sum())} of {wanted.size} spikes of {name}, "
                f"first at sample {sample}, neuron {tuple(neuron)}, timestep {step}: "
                f"{wanted[place]} and {actual[name][place]}."
            )


def layer_spikes(network: Network, result: RunResult) -> dict[str, SpikeArray]:
    """Return the recorded spikes of a run in layer order, the output always among them."""
    spikes = {x.name: result.traces[x.name].spikes for x in network if x.name in result.traces}
    spikes[network.layers[-1].name] = result.spikes
    return spikes
