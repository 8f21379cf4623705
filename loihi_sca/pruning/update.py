"""What an update of the structure did."""

from __future__ import annotations

from dataclasses import dataclass, field

from loihi_sca.planning.budget import Plan


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes
    ----------
    alive : dict of str to int
        Channels left per prunable block.
    pruned, regenerated : int
        Channels switched off and on.
    plan : Plan or None
        How a budget was divided over the layers.
    """

    alive: dict[str, int] = field(default_factory=dict)
    pruned: int = 0
    regenerated: int = 0
    plan: Plan | None = None
