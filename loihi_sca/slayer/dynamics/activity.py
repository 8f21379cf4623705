"""What the channels of a block did in one batch, summed up while it was computed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch


@dataclass(frozen=True)
class ChannelActivity:
    """Means over samples, places and timesteps of one forward pass, per channel.

    The voltage is the one before reset; gates do not enter, so that a pruned channel is measured
    as if it were there.

    Attributes
    ----------
    rate : tensor (C,)
        Spikes.
    magnitude : tensor (C,)
        ``|v| / threshold``.
    positive : tensor (C,)
        ``max(v, 0) / threshold``.
    resting : tensor (C,)
        ``|v| / threshold``, at most 1, where the neuron did not spike and 0 where it did, which is
        the voltage after reset.
    messages : tensor (C,) or None
        ``|message|``, of sigma-delta neurons, which have no voltage: messages other than zero count
        as spikes, and what is sent stands for the voltage.
    """

    rate: torch.Tensor
    magnitude: torch.Tensor
    positive: torch.Tensor
    resting: torch.Tensor
    messages: torch.Tensor | None = None

    def seen(self) -> dict[str, torch.Tensor]:
        """Return what there is, by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: values for name, values in found.items() if values is not None}
