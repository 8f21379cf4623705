"""SCA: prune channels by spiking activity and regenerate them by the gradient of their gate."""

from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.pruning.pruner import Pruner, Update

__all__ = ["CRITERIA", "Pruner", "Update"]
