"""What the ranks of a distributed training have to agree on within a batch.

Without a process group of ``torch.distributed`` every function returns what it was given. Tensors
on a CPU and on CUDA both do, if the group has a backend for them.
"""

from __future__ import annotations

import torch
from torch import distributed


def there_are_others() -> bool:
    """Whether this process trains together with others."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def total(values: torch.Tensor) -> torch.Tensor:
    """Return sums over the ranks."""
    return _reduced(values, distributed.ReduceOp.SUM)


def union(values: torch.Tensor) -> torch.Tensor:
    """Return the bits that are set on any rank; on a CPU only, for want of it in NCCL."""
    return _reduced(values, distributed.ReduceOp.BOR)


def highest(values: torch.Tensor) -> torch.Tensor:
    """Return the largest value of any rank."""
    return _reduced(values, distributed.ReduceOp.MAX)


def _reduced(values: torch.Tensor, operation: distributed.ReduceOp.RedOpType) -> torch.Tensor:
    if not there_are_others():
        return values
    shared = values.clone()
    distributed.all_reduce(shared, op=operation)
    return shared
