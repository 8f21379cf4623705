"""CUBA neurons in 64-bit integers on any device, in lava-dl's own steps.

What the fused scans cannot do exactly on CUDA is done here, since lava-dl's CUDA kernels would
need nvcc, and are not what its CPU code is: they compare a voltage with the threshold cut to a
whole number, so that a neuron whose voltage just reaches it is reset without having spiked.
"""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.slayer.dynamics import layout
from loihi_sca.slayer.dynamics.scanning import SCALE
from loihi_sca.slayer.lava import slayer

_NO_RESET = -1

_integrate = slayer.neuron.dynamics.leaky_integrator._LIDynamics.apply


def voltage(neuron: Any, weighted: torch.Tensor) -> torch.Tensor:
    """Return the voltage before reset, as ``neuron.dynamics`` does on a CPU.

    Parameters
    ----------
    neuron : lava-dl CUBA neuron
        Its decays may be one or one per channel.
    weighted : tensor (N, C, ..., T)
        Weighted spikes.
    """
    rows = layout.rows(weighted)
    # samples and places side by side, for decays per channel belong to the second axis
    series = rows.flatten(1, -2).permute(1, 2, 0).contiguous()
    state = torch.zeros_like(series[..., 0])
    quantize = slayer.utils.quantize
    current = _integrate(series, quantize(neuron.current_decay), state, _NO_RESET, SCALE)
    if neuron.norm is not None:
        current = neuron.norm(current)
    level = neuron.threshold + neuron.threshold_eps
    found = _integrate(current, quantize(neuron.voltage_decay), state, level, SCALE)
    return layout.from_rows(found.permute(2, 0, 1).reshape(rows.shape))
