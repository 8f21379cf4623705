"""Training by several processes that ``torchrun`` started; without it, all of this does nothing.

Every rank learns from its share of each batch, and what depends on the whole batch is summed over
the ranks: gradients (by torch's DistributedDataParallel), the batch mean of the norms
(:mod:`loihi_sca.slayer.dynamics.ranks`), and the activity from which channels get their scores. So
N ranks compute what one would on the same batches. Spikes are the same bit for bit as long as
weights are; gradients are sums in another order, so weights differ in their last bits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from loihi_sca.errors import TrainingError
from loihi_sca.model.blocks import Gated
from loihi_sca.model.build import SpikingNet
from loihi_sca.slayer.dynamics import ChannelActivity

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        Number of all.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def share(self, index: Index) -> tuple[Index, float]:
        """Return this rank's samples of a batch, and their weight in its mean.

        A batch of fewer samples than ranks is computed by all of them.
        """
        if len(index) < self.size:
            return index, 1 / self.size
        mine = index[self.rank :: self.size]
        return mine, len(mine) / len(index)

    def total(self, values: Sequence[float]) -> list[float]:
        """Return sums over the ranks."""
        if self.size == 1:
            return list(values)
        return _summed(torch.tensor(values, dtype=torch.float64)).tolist()

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set on any rank."""
        return self.total([float(flag)])[0] > 0

    def wait(self) -> None:
        """Wait for the others."""
        if self.size > 1:
            distributed.barrier()

    def parallel(self, model: SpikingNet, in_shape: Sequence[int], steps: int) -> torch.nn.Module:
        """Return a module whose backward pass averages gradients over the ranks.

        Parameters
        ----------
        model : SpikingNet
            Its parameters must keep their shapes from now on.
        in_shape, steps : sequence of int, int
            Of a sample, which is sent through first: blocks may learn their shapes from it.
        """
        if self.size == 1:
            return model
        was_training = model.training
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, *in_shape, steps, device=model.device))
        model.train(was_training)
        # the norms' running means are those of whole batches on every rank, see share_state
        return DistributedDataParallel(model, broadcast_buffers=False)

    def share_activity(self, model: SpikingNet, weight: float) -> None:
        """Let observers of blocks see the activity of the whole batch, for one forward pass.

        Parameters
        ----------
        model : SpikingNet
            Its observers are wrapped once.
        weight : float
            Of this rank's part of the batch.
        """
        if self.size == 1:
            return
        for _, block in model.gated:
            if isinstance(block.observer, _OfAllRanks):
                block.observer.weight = weight
            elif block.observer is not None:
                block.observer = _OfAllRanks(block.observer, weight)

    def share_state(self, model: SpikingNet) -> None:
        """Give all ranks the first one's buffers.

        They are equal already, unless lava-dl itself had to compute a batch whose states left 32
        bits: its norm knows nothing of other ranks.
        """
        if self.size > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, src=0)

    def check_same(self, masks: Mapping[str, torch.Tensor]) -> None:
        """Raise unless the same channels are alive on all ranks.

        Raises
        ------
        TrainingError
            Names the blocks that differ.
        """
        if self.size == 1:
            return
        differ = []
        for name, mask in masks.items():
            votes = _summed(mask.cpu().double())
            if bool(((votes != 0) & (votes != self.size)).any()):
                differ.append(name)
        if differ:
            raise TrainingError(
                f"ranks disagree on the channels of {', '.join(differ)}. A criterion of your own "
                "must give the same scores to the same activity."
            )


ALONE = World()
"""A process that trains by itself."""


class _OfAllRanks:
    """An observer that is told the mean activity over all ranks."""

    def __init__(self, observer: Any, weight: float) -> None:
        self.observer, self.weight = observer, weight

    def __call__(self, block: Gated, activity: ChannelActivity) -> None:
        seen = activity.seen()
        mine = torch.stack(list(seen.values()))
        ours = _summed(mine.double() * self.weight).float()
        self.observer(block, ChannelActivity(**dict(zip(seen, ours, strict=True))))


def _summed(values: torch.Tensor) -> torch.Tensor:
    distributed.all_reduce(values)
    return values


def is_first() -> bool:
    """Whether this process is the one that writes and prints, before or after it has joined."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, for the length of a ``with`` block.

    Tensors on a CPU are exchanged by gloo, in a training on CUDA too: what the ranks have to agree
    on besides gradients is a few numbers per batch. Those on CUDA are exchanged by NCCL.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ or distributed.is_initialized():
        yield ALONE
        return
    distributed.init_process_group("gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl")
    try:
        yield World(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
