"""lava-dl's ``MeanOnlyBatchNorm`` from sums that have no order.

In training lava-dl subtracts ``torch.mean`` of the float32 current. That depends on the order of
summation as soon as a partial sum needs more than 24 bits. Here the sum is an integer, and with it
come the sum of magnitudes and the largest unit of which all currents are multiples. If the
magnitudes add up to less than 2^24 units, no partial sum can round in any order, and our mean has
the bits of lava-dl's. That is the usual case: the current of a memoryless neuron is a multiple of
1/32. If not, the current is laid out as lava-dl has it and given to the very same ``torch.mean``.

In a distributed training the mean is that of all ranks' samples, with the same bits if no partial
sum can round; else it is the mean of the ranks' means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.slayer.dynamics import forward, layout, ranks, threads

_UNITS = MAX_DECAY
_FLOAT32_EXACT = 1 << 24

OFFSET_LIMIT = _FLOAT32_EXACT // 2
"""Below it an offset leaves the sums of the voltage within 32 bits."""

UNSIGNED = (1 << 32) - 1
"""Bits of an int32: ``|-2^31|`` has only the one that counts as its sign."""

_NOTHING = np.empty((0, 0), np.float32)


@dataclass(frozen=True, kw_only=True)
class Norm:
    """What a norm does to one batch, on whatever device.

    Attributes
    ----------
    offset : int32 tensor (C,)
        What is subtracted from the current, in units of 1/4096.
    mean : tensor (C,) or None
        Of this batch; None if it is not used, as in evaluation.
    subtracted : tensor (C,) or None
        The mean after the norm's hook, linked to ``mean`` by autograd.
    """

    offset: torch.Tensor
    mean: torch.Tensor | None = None
    subtracted: torch.Tensor | None = None

    def commit(self, norm: Any, channels: int) -> None:
        """Update the running mean of a lava-dl norm, once it is certain that the batch counts."""
        if norm is None:
            return
        if norm.num_features is None:
            norm.num_features = channels
        if self.mean is not None:
            norm.running_mean = (
                1 - norm.momentum
            ) * norm.running_mean + norm.momentum * self.mean.detach()

    def backward(self, total: torch.Tensor, count: int) -> torch.Tensor | None:
        """Return what the batch mean adds to every gradient of a channel.

        Parameters
        ----------
        total : float64 tensor (C,)
            Sum of the gradients with respect to the normed current.
        count : int
            Number of them.
        """
        if self.mean is None or self.subtracted is None:
            return None
        counted = int(ranks.total(torch.tensor(count)))
        gradient = (-ranks.total(total)).float()
        (of_mean,) = torch.autograd.grad(self.subtracted, self.mean, gradient, retain_graph=True)
        return of_mean / counted


def subtracted_by(norm: Any, mean: torch.Tensor | None) -> torch.Tensor:
    """Return the batch mean, or without one the running mean, after the hook of a lava-dl norm."""
    with torch.enable_grad():  # type: ignore[no-untyped-call]
        leaf = norm.running_mean if mean is None else mean.requires_grad_()
        subtracted: torch.Tensor = norm.pre_hook_fx(leaf.view(1, -1)).reshape(-1)
    return subtracted


def norm_of(
    norm: Any, weighted: torch.Tensor, keep_u: npt.NDArray[np.int32], length: int
) -> Norm | None:
    """Prepare a lava-dl norm, or no norm, for a batch [T, N, ..., C] on a CPU.

    None if the offset is not whole or the current is out of range.
    """
    channels = weighted.shape[-1]
    if norm is None:
        return Norm(offset=torch.zeros(channels, dtype=torch.int32))
    mean = None
    if norm.training and norm.update:
        mean = _mean(weighted, keep_u, length)
        if mean is None:
            return None
    subtracted = subtracted_by(norm, mean)
    units = subtracted.detach().double().numpy() * _UNITS
    if not np.array_equal(units, np.rint(units)) or np.abs(units).max() >= OFFSET_LIMIT:
        return None
    offset = torch.from_numpy(np.array(np.broadcast_to(units.astype(np.int32), channels)))
    if mean is None:
        return Norm(offset=offset)
    return Norm(offset=offset, mean=mean, subtracted=subtracted)


def _mean(
    weighted: torch.Tensor, keep_u: npt.NDArray[np.int32], length: int
) -> torch.Tensor | None:
    """Return the mean current per channel as lava-dl computes it; None if out of range."""
    channels = weighted.shape[-1]
    sums, magnitudes, bits = (np.zeros((threads.CHUNKS, channels), np.int64) for _ in range(3))

    def add_up(current: npt.NDArray[np.float32]) -> None:
        for totals in (sums, magnitudes, bits):
            totals[:] = 0
        threads.run(
            forward.sum_current,
            weighted.numel(),
            layout.flat(weighted).numpy(),
            keep_u,
            not keep_u.any(),
            length,
            current,
            sums,
            magnitudes,
            bits,
        )

    add_up(_NOTHING)
    union = ranks.union(torch.from_numpy(np.bitwise_or.reduce(bits, axis=0))).numpy() & UNSIGNED
    if union.max() >= forward.CURRENT_LIMIT:
        return None
    unit = np.maximum(union & -union, 1)
    here = weighted.numel() // channels
    count, summed, magnitude = (
        ranks.total(torch.from_numpy(np.atleast_1d(x))).numpy()
        for x in (np.array(here), sums.sum(axis=0), magnitudes.sum(axis=0))
    )
    if (magnitude < _FLOAT32_EXACT * unit).all():
        return torch.from_numpy((summed / _UNITS).astype(np.float32)).div_(int(count[0]))
    current = torch.empty_like(weighted)
    add_up(layout.flat(current).numpy())
    samples = weighted.shape[1]
    mean = torch.mean(
        layout.from_rows(current).contiguous().view(samples, channels, -1), dim=[0, 2]
    )
    if not ranks.there_are_others():
        return mean
    return (ranks.total(mean.double() * here) / int(count[0])).float()
