"""Placing a network on the cores of a chip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.mapping.memory import CoreBudget, core_budget_of
from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.mapping.strategy import tile_all
from loihi_sca.hardware.mapping.tiling import Counts, Tiling
from loihi_sca.hardware.mapping.usage import Usage, axon_map, destinations, usage
from loihi_sca.hardware.named import AnyNetwork, AnyProfile, as_network, as_profile
from loihi_sca.hardware.shapes import Geometry, LayerSpec

if TYPE_CHECKING:
    pass


def map_network(network: AnyNetwork, profile: AnyProfile = "loihi2") -> Placement:
    """Place a network on cores.

    Always returns a placement; whether it keeps all limits is the business of
    :func:`loihi_sca.hardware.rules.find_violations`.

    Parameters
    ----------
    network : Network, Architecture or path
        Any readable network, also one that cannot be simulated; a netx file, or a TOML file of
        layers.
    profile : Profile, str or path
        The chip or its name; its ``mapping`` section selects the strategy.

    Returns
    -------
    Placement
        Every layer on its cores.

    Raises
    ------
    InputError
        The file, or the chip's, is not there or cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.map_network(network, "loihi1")
    Placement('tiny' on loihi1: 1 cores, 1 chip)
    """
    profile = as_profile(profile)
    architecture, budget = describe(as_network(network)), core_budget_of(profile)
    geometries = tuple(spec.geometry for spec in architecture.layers)
    tilings = tile_all(geometries, budget, chain=not architecture.sources)
    layers, first = [], 0
    for i, spec in enumerate(architecture.layers):
        following = [(table, tilings[j]) for j, table in architecture.listeners(i)]
        groups = profile.neuron_groups(spec.geometry.neuron)
        placed = _place(spec, tilings[i], following, first, budget, groups)
        layers.append(placed)
        first += placed.cores
    return Placement(architecture, profile, tuple(layers))


def _place(
    spec: LayerSpec,
    tiling: Tiling,
    following: Sequence[tuple[Geometry, Tiling]],
    first: int,
    budget: CoreBudget,
    groups: int,
) -> LayerPlacement:
    geometry = spec.geometry
    if geometry.kind == "port":
        none = np.zeros(0, dtype=np.int64)
        return LayerPlacement(spec, tiling, first, none, none, none, none, none, 0, "none", 0.0)
    used = usage(geometry, tiling, budget)
    out_axons = destinations(geometry, tiling, following)
    mapped = np.zeros_like(out_axons)
    if budget.axon_map is not None:
        mapped = axon_map(geometry, tiling, *(table for table, _ in following))
    binding, utilisation = _binding(geometry, used, out_axons, mapped, budget)
    return LayerPlacement(
        spec,
        tiling,
        first,
        used.neurons,
        used.words,
        used.in_axons,
        out_axons,
        mapped,
        groups,
        binding,
        utilisation,
    )


def _binding(
    geometry: Geometry, used: Usage, out_axons: Counts, mapped: Counts, budget: CoreBudget
) -> tuple[str, float]:
    """Return the limit that a core of the layer is nearest to, and how near."""
    compartments = used.neurons * budget.compartments_per_neuron(geometry.neuron)
    nearness = {
        "compartments": compartments.max() / budget.compartments,
        "synapse_words": used.words.max() / budget.synapse_words,
        "in_axons": used.in_axons.max() / budget.in_axons,
    }
    if budget.out_axons is not None:
        nearness["out_axons"] = out_axons.max() / budget.out_axons
    if budget.axon_map is not None:
        nearness["axon_map"] = mapped.max() / budget.axon_map
    binding = max(nearness, key=lambda limit: nearness[limit])
    return binding, float(nearness[binding])
