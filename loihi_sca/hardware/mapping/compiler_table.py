"""The columns of the table that the Loihi 2 compiler prints, for each core of a layer.

AxonMem is left out: the rule by which it fills is not known. It was 2.8 % at most in the public
tables, so Total is too low by at most a few percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.mapping.placement import LayerPlacement
from loihi_sca.hardware.schema import Profile

Percents = npt.NDArray[np.float64]

NO_AXON_MEM = (
    "AxonMem is not modelled (2.8 % at most in the public tables), so Total leaves it out."
)
"""Said wherever the columns are shown."""


@dataclass(frozen=True)
class CompilerTable:
    """What each core of a layer uses of its tables, in percent; each a float array (cores,).

    Attributes
    ----------
    axon_in, neuron_groups, neurons, synapses, axon_map : float array (cores,)
        Of the limits on axons, neuron groups, compartments, synapse words and AxonMap.
    total : float array (cores,)
        Of the memory that all tables come from, AxonMem left out.
    """

    axon_in: Percents
    neuron_groups: Percents
    neurons: Percents
    synapses: Percents
    axon_map: Percents
    total: Percents

    def as_json(self) -> dict[str, Any]:
        """Return the fullest core's percent, by column; 0 without cores."""
        columns = self.__dict__.items()
        return {f"{name}_percent": float(column.max(initial=0.0)) for name, column in columns}


def compiler_table(
    layer: LayerPlacement, profile: Profile, axon_mem: float = 0.0
) -> CompilerTable | None:
    """Return the columns of the compiler's table; None for a chip without such a table.

    Parameters
    ----------
    layer : LayerPlacement
        Placed by this profile.
    profile : Profile
    axon_mem : float
        Entries of AxonMem on each core, if known from elsewhere.
    """
    limits, pool = profile.limits, profile.pool
    if pool is None or limits.axon_map is None or limits.neuron_groups is None:
        return None
    compartments = layer.neurons * profile.compartments_per_neuron(layer.spec.geometry.neuron)
    groups = np.full_like(layer.neurons, layer.neuron_groups)
    words = (
        layer.words
        + pool.axon_entry.value * (layer.in_axons + layer.axon_map + axon_mem)
        + pool.compartment.value * compartments
        + pool.neuron_group.value * groups
    )
    return CompilerTable(
        axon_in=100 * layer.in_axons / limits.in_axons.value,
        neuron_groups=100 * groups / limits.neuron_groups.value,
        neurons=100 * compartments / limits.compartments.value,
        synapses=100 * layer.words / limits.synapse_words.value,
        axon_map=100 * layer.axon_map / limits.axon_map.value,
        total=100 * words / pool.words.value,
    )
