"""The estimate: cores, energy and latency of a network on a chip, in one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loihi_sca.engine.result import LayerActivity
from loihi_sca.hardware.mapper import LayerPlacement, Placement, map_network
from loihi_sca.hardware.profile import Profile
from loihi_sca.hardware.rules import Violation, check
from loihi_sca.hardware.shapes import Architecture
from loihi_sca.network import Network

SCHEMA = 1
"""Version of the JSON form."""


@dataclass(frozen=True)
class Estimate:
    """What a network needs on a chip.

    Attributes
    ----------
    placement : Placement
    violations : tuple of Violation
        Empty if it fits.
    """

    placement: Placement
    violations: tuple[Violation, ...]

    @property
    def cores(self) -> int:
        """Number of cores."""
        return self.placement.cores

    @property
    def chips(self) -> int:
        """Number of chips."""
        return self.placement.chips

    def as_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values, see ``docs/hardware.md``."""
        return {
            "schema": SCHEMA,
            "network": self.placement.architecture.name,
            "profile": self.placement.profile.name,
            "cores": self.cores,
            "chips": self.chips,
            "layers": [_layer_as_json(x, self.placement.profile) for x in self.placement.layers],
            "energy": None,
            "latency": None,
            "violations": [v.as_json() for v in self.violations],
        }


def estimate(
    network: Network | Architecture,
    profile: Profile,
    activity: Sequence[LayerActivity] | None = None,
    samples: int = 1,
    timesteps: int | None = None,
) -> Estimate:
    """Estimate what a network needs on a chip."""
    placement = map_network(network, profile)
    return Estimate(placement, check(placement))


def _layer_as_json(layer: LayerPlacement, profile: Profile) -> dict[str, Any]:
    spec = layer.spec
    tables = (*spec.geometry.bits, *spec.geometry.recurrent_bits)
    stored = [b for b in profile.limits.weight_bits.values if tables and b >= max(tables)]
    cores = layer.cores
    return {
        "name": spec.name,
        "type": spec.type,
        "shape": list(spec.shape),
        "neurons": int(layer.neurons.sum()),
        "weight_bits": stored[0] if stored else max(tables, default=0),
        "synapse_words": int(layer.words.max(initial=0)),
        "cores": cores,
        "neurons_per_core": int(layer.neurons.max(initial=0)),
        "binding": layer.binding,
        "utilisation": layer.utilisation,
        "synapse_words_mean": float(layer.words.mean()) if cores else 0.0,
        "neurons_per_core_mean": float(layer.neurons.mean()) if cores else 0.0,
        "in_axons": int(layer.in_axons.max(initial=0)),
        "out_axons": int(layer.out_axons.max(initial=0)),
    }
