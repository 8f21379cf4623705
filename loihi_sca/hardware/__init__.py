"""Chips: profiles, mapping on cores, design rules, energy and latency.

Every hardware number is in the profiles (``hw_profiles/*.toml``); this package holds formulas.
"""

from loihi_sca.hardware.cost.energy import NOT_MODELLED
from loihi_sca.hardware.cost.estimate import Estimate, estimate
from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.mapping.mapper import map_network
from loihi_sca.hardware.mapping.placement import Core, LayerPlacement, Placement
from loihi_sca.hardware.profile import load_profile, profile_paths
from loihi_sca.hardware.range_rules import RANGE_RULES
from loihi_sca.hardware.rules import RULES, find_violations, require_fit
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.hardware.violations import Violation

__all__ = [
    "NOT_MODELLED", "RANGE_RULES", "RULES", "Architecture", "Core", "Estimate", "Geometry",
    "LayerPlacement", "LayerSpec", "Placement", "Profile", "Violation", "describe", "estimate",
    "find_violations", "load_profile", "map_network", "profile_paths", "require_fit",
]  # fmt: skip
