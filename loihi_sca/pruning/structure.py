"""The structure of a model in training: which channels live, and what becomes of the others.

While a pruner is at work a gate per channel says whether it lives. In the end the gates go: with
the channels that are off, or with all channels in place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from loihi_sca.model.blocks import Gated
from loihi_sca.model.gating import remove_gate
from loihi_sca.model.removal import gated_in, keep_channels
from loihi_sca.pruning.prepare import Prepared
from loihi_sca.pruning.protection import Protection, clear_moments
from loihi_sca.pruning.selection import Chosen


class Structure:
    """The gates of a model.

    Parameters
    ----------
    prepared : Prepared
        The model; its blocks get gates, all open.
    excluded : sequence of str
        Blocks that keep all channels because the user says so.

    Attributes
    ----------
    row : list of (str, module)
        All blocks, in the order in which they run.
    blocks : dict of str to Gated
        Those that may lose channels.
    protection : Protection
        Keeps what is off from optimizers.
    """

    def __init__(self, prepared: Prepared, excluded: Sequence[str]) -> None:
        self.row = prepared.row
        self.blocks: dict[str, Gated] = prepared.add_gates(excluded)
        self.protection = Protection()

    @property
    def alive(self) -> Chosen:
        """The channels that live, by block that may lose some: bool (C,), on the CPU."""
        return {name: block.alive.cpu() for name, block in self.blocks.items()}

    def switch(self, alive: Chosen, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Let these channels live, and no others.

        The moments of channels that change state are cleared, so that a pruned channel does not
        drift and a regenerated one starts afresh.
        """
        before = self.alive
        for name, block in self.blocks.items():
            block.gate.data.copy_(alive[name].to(block.gate.dtype))
            changed = before[name] != alive[name]
            for parameter, axis in block.own_parameters:
                for optimizer in optimizers:
                    clear_moments(optimizer, parameter, axis, changed)

    def cut(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Take the channels that are off out of the model, and out of all that listens to them."""
        kept = {name: block.alive.cpu() for name, block in gated_in(self.row)}
        keep_channels(self.row, kept, optimizers)

    def open(self) -> None:
        """Let all channels live."""
        for block in self.blocks.values():
            block.gate.data.fill_(1)

    def remove_gates(self) -> None:
        """Turn the blocks into what they were before they had gates."""
        for _, block in self.row:
            remove_gate(block)
