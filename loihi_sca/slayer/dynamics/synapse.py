"""Weighted spikes with time folded into the batch.

A synapse does the same at every timestep, so T belongs to the batch: a convolution becomes
``conv2d`` over T*N channels-last images, a dense layer one matrix product. Both take and return
time-first tensors without a copy.

The result has the bits of lava-dl's ``conv3d``: spikes are 0 or 1 and weights multiples of 1/32
not above 4, so all partial sums are multiples of 1/32, and float32 holds them exactly in whatever
order they are formed as long as they stay within 2^24/32. The fan-in that could break that is
beyond 131 072; such a layer is summed in float64, with the chip's integers where lava-dl rounds.
Input that is not whole (an analogue first layer) is equal to float rounding only. On CUDA
convolutions need care for the same bits, see :mod:`loihi_sca.slayer.dynamics.cuda.convolution`.

On a CPU both go over spike events where that is faster, and keep spikes as bits until the backward
pass: :mod:`loihi_sca.slayer.dynamics.events`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from loihi_sca.slayer.dynamics import events, layout
from loihi_sca.slayer.dynamics.cuda import convolution

MAX_FAN_IN = (1 << 24) // (4 * 32)
"""Inputs per neuron up to which no sum of weights of magnitude 4 in steps of 1/32 can round."""


def convolve(spikes: torch.Tensor, weight: torch.Tensor, synapse: Any) -> torch.Tensor:
    """Convolve (N, C, H, W, T) with a weight (out, in, kh, kw, 1).

    Parameters
    ----------
    spikes, weight : tensors
        As lava-dl has them.
    synapse : lava-dl Conv synapse
        Of which stride, padding, dilation and groups are taken.
    """
    kernel, stride = weight[..., 0], synapse.stride[:2]
    if kernel.shape[2:] == (1, 1) and not any(synapse.padding) and stride != (1, 1):
        # the backward pass of torch 2.3 on a CPU writes past the buffers of such a convolution
        spikes, stride = spikes[:, :, :: stride[0], :: stride[1]], (1, 1)
    return _slide(
        spikes,
        kernel.contiguous(memory_format=torch.channels_last),
        stride,
        synapse.padding[:2],
        synapse.dilation[:2],
        synapse.groups,
    )


def pool(spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Add up (N, C, H, W, T) over windows side by side, with a weight (1, 1, kh, kw, 1)."""
    channels, window = spikes.shape[1], weight.shape[2:4]
    kernel = weight[..., 0].expand(channels, 1, *window)
    return _slide(spikes, kernel, window, (0, 0), (1, 1), channels)


def _slide(
    spikes: torch.Tensor,
    kernel: torch.Tensor,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> torch.Tensor:
    """Convolve the images of all steps with a kernel (out, in, kh, kw)."""
    samples, timesteps = spikes.shape[0], spikes.shape[-1]
    rows = layout.rows(spikes).flatten(0, 1)
    geometry = (stride, padding, dilation, groups)
    if _may_round(kernel):
        exact = functional.conv2d(_images(rows).double(), kernel.double(), None, *geometry)
        weighted = _rows(exact.to(rows.dtype))
    elif rows.is_cuda:
        weighted = _rows(convolution.convolve(_images(rows), kernel, *geometry))
    elif groups == 1 and set(dilation) == {1}:
        weighted = events.weigh(rows, kernel, events.Convolution(stride, padding))
    else:
        weighted = _rows(functional.conv2d(_images(rows), kernel, None, *geometry))
    return layout.from_rows(weighted.view(timesteps, samples, *weighted.shape[1:]))


def _images(rows: torch.Tensor) -> torch.Tensor:
    """Return [B, H, W, C] as torch's images, channels last."""
    return rows.permute(0, 3, 1, 2)


def _rows(images: torch.Tensor) -> torch.Tensor:
    """Return torch's images as contiguous [B, H, W, C]."""
    return images.permute(0, 2, 3, 1).contiguous()


def connect(spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply (N, in, T) by a weight (out, in) or (out, in, 1, 1, 1)."""
    rows, table = layout.rows(spikes), weight.flatten(1)
    if _may_round(table):
        exact = functional.linear(rows.double(), table.double())
        return layout.from_rows(exact.to(rows.dtype))
    weighted = events.weigh(rows.flatten(0, 1), table, events.Product())
    return layout.from_rows(weighted.view(*rows.shape[:2], -1))


def flatten(spikes: torch.Tensor) -> torch.Tensor:
    """Reshape (N, C, H, W, T) to (N, C*H*W, T), C-major, time-first."""
    return layout.from_rows(spikes.permute(4, 0, 1, 2, 3).flatten(2))


def _may_round(weight: torch.Tensor) -> bool:
    """Tell whether a sum over the fan-in of a weight (out, ...) can leave float32's integers."""
    return weight[0].numel() > MAX_FAN_IN
