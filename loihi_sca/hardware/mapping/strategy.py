"""Which chip cuts layers in which way."""

from __future__ import annotations

from loihi_sca.hardware.mapping import loihi1, loihi2
from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import Tiling
from loihi_sca.hardware.shapes import Geometry


def tile_all(
    geometries: tuple[Geometry, ...], budget: CoreBudget, *, chain: bool
) -> tuple[Tiling, ...]:
    """Return how each layer is cut; on Loihi 1 neighbours together, where there are neighbours."""
    if budget.strategy == "loihi1" and not chain:
        return tuple(loihi1.fewest_cores(geometry, budget) for geometry in geometries)
    if budget.strategy == "loihi1":
        return loihi1.tile_chain(geometries, budget)
    return tuple(loihi2.tile(geometry, budget) for geometry in geometries)
