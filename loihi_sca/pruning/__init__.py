"""SCA: prune channels by spiking activity and regenerate them by the gradient of their gate.

Planning needs neither torch nor lava-dl, so what does is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loihi_sca.pruning.criteria import CRITERIA
    from loihi_sca.pruning.oneshot import prune
    from loihi_sca.pruning.pruner import Pruner
    from loihi_sca.pruning.update import Update

__all__ = ["CRITERIA", "Pruner", "Update", "prune"]


def __getattr__(name: str) -> Any:
    if name == "CRITERIA":
        from loihi_sca.pruning import criteria

        return criteria.CRITERIA
    if name == "prune":
        from loihi_sca.pruning import oneshot

        return oneshot.prune
    if name == "Pruner":
        from loihi_sca.pruning import pruner

        return pruner.Pruner
    if name == "Update":
        from loihi_sca.pruning import update

        return update.Update
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
