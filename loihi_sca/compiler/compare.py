"""Comparing what two engines say of one network; the first difference is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.result import RunResult, SpikeArray
from loihi_sca.errors import NotBitExact
from loihi_sca.network import Network
from loihi_sca.network.activity import LayerActivity

LayerSpikes: TypeAlias = Mapping[str, SpikeArray]
"""Spikes (N, *out_shape, T) by layer name."""


def assert_same_spikes(
    expected: LayerSpikes, actual: LayerSpikes, between: str, *, first_sample: int = 0
) -> None:
    """Raise at the first layer whose spikes differ, naming where.

    Parameters
    ----------
    expected, actual : mapping of layer name to uint8 array (N, *out_shape, T)
        In the order of the layers; every layer of ``expected`` is compared.
    between : str
        What is compared, for the message, for example ``reference and Lava``.
    first_sample : int
        Number of the first sample, for the message.

    Raises
    ------
    NotBitExact
        Names layer, sample, neuron, timestep and both values.
    """
    for name, wanted in expected.items():
        if name not in actual or actual[name].shape != wanted.shape:
            found = "nothing" if name not in actual else f"shape {actual[name].shape}"
            raise NotBitExact(f"{between}: {name} should give shape {wanted.shape}, gave {found}.")
        assert_same_values(name, wanted, actual[name], between, "spikes", first_sample)


def assert_same_values(
    name: str,
    wanted: npt.NDArray[Any],
    actual: npt.NDArray[Any],
    between: str,
    what: str,
    first_sample: int,
) -> None:
    """Raise at the first difference in time of two arrays (N, *out_shape, T) of one layer."""
    differs = actual != wanted
    if not differs.any():
        return
    # the first in time is the cause, the others may follow from it
    moved = np.moveaxis(differs, -1, 0)
    step, sample, *neuron = (int(i) for i in np.argwhere(moved)[0])
    place = (sample, *neuron, step)
    raise NotBitExact(
        f"{between} differ in {int(differs.sum())} of {wanted.size} {what} of {name}, "
        f"first at sample {first_sample + sample}, neuron {tuple(neuron)}, timestep {step}: "
        f"{wanted[place]} and {actual[place]}."
    )


def assert_same_activity(
    expected: Sequence[LayerActivity], actual: Sequence[LayerActivity], between: str
) -> None:
    """Raise where two runs count differently."""
    for one, two in zip(expected, actual, strict=True):
        if one != two:
            raise NotBitExact(f"{between} count different activity in {one.name}: {one}, {two}.")


def layer_spikes(network: Network, result: RunResult) -> dict[str, SpikeArray]:
    """Return the recorded spikes of a run in layer order, the output always among them."""
    spikes = {x.name: result.traces[x.name].spikes for x in network if x.name in result.traces}
    spikes[network.layers[-1].name] = result.spikes
    return spikes
