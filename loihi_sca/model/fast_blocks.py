"""lava-dl's CUBA blocks whose forward pass keeps tensors time-first, under the same names.

:func:`loihi_sca.slayer.accelerate` turns stock blocks into these; nobody makes one directly.
"""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.slayer import dynamics
from loihi_sca.slayer.dynamics import layout
from loihi_sca.slayer.lava import slayer


class Block(torch.nn.Module):
    """A lava-dl block whose shift by a step stays time-first."""

    neuron: Any
    synapse: Any
    delay: Any
    delay_shift: bool
    count_log: bool

    def forward(self, spikes: torch.Tensor) -> Any:
        """Return the spikes (N, C, ..., T)."""
        if self.delay is not None or self.count_log or getattr(self, "mask", None) is not None:
            return super().forward(spikes)
        fired = self.neuron(self.synapse(spikes))
        return shifted(fired) if self.delay_shift else fired


class Conv(Block, slayer.block.cuba.Conv):  # type: ignore[misc]
    """lava-dl's Conv block, time-first."""


class Dense(Block, slayer.block.cuba.Dense):  # type: ignore[misc]
    """lava-dl's Dense block, time-first."""


class Pool(Block, slayer.block.cuba.Pool):  # type: ignore[misc]
    """lava-dl's Pool block, time-first."""


class Flatten(slayer.block.cuba.Flatten):  # type: ignore[misc]
    """lava-dl's Flatten block, time-first."""

    def forward(self, spikes: torch.Tensor) -> Any:
        """Return the spikes (N, C*H*W, T)."""
        if self.count_log or spikes.dim() != 5:
            return super().forward(spikes)
        self.shape = [spikes.shape[1] * spikes.shape[2] * spikes.shape[3], 1, 1]
        return dynamics.flatten(spikes)


def shifted(spikes: torch.Tensor) -> torch.Tensor:
    """Delay by a step, time-first."""
    rows = layout.rows(spikes)
    return layout.from_rows(torch.cat([torch.zeros_like(rows[:1]), rows[:-1]]))
