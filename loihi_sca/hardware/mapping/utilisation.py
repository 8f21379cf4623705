"""How full the cores of a placement are."""

from __future__ import annotations

from loihi_sca.hardware.mapping.placement import Placement


def utilisations(placement: Placement) -> list[float]:
    """Return, per core, how much of its tightest limit it uses."""
    limits = placement.profile.limits
    found: list[float] = []
    for layer in placement.layers:
        each = placement.profile.compartments_per_neuron(layer.spec.geometry.neuron)
        for i in range(layer.cores):
            uses = [
                int(layer.neurons[i]) * each / int(limits.compartments),
                int(layer.words[i]) / int(limits.synapse_words),
                int(layer.in_axons[i]) / int(limits.in_axons),
            ]
            if limits.out_axons is not None:
                uses.append(int(layer.out_axons[i]) / int(limits.out_axons))
            if limits.axon_map is not None:
                uses.append(int(layer.axon_map[i]) / int(limits.axon_map))
            found.append(max(uses))
    return found
