"""What the ranks of a distributed training have to agree on within a batch.

Without a process group of ``torch.distributed`` every function returns what it was given.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

Number = TypeVar("Number", np.int64, np.float64)


def there_are_others() -> bool:
    """Whether this process trains together with others."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def total(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return sums over the ranks."""
    return _reduced(values, distributed.ReduceOp.SUM) if there_are_others() else values


def union(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the bits that are set on any rank."""
    return _reduced(values, distributed.ReduceOp.BOR) if there_are_others() else values


def _reduced(
    values: npt.NDArray[Number], operation: distributed.ReduceOp.RedOpType
) -> npt.NDArray[Number]:
    shared = torch.from_numpy(np.array(values))
    distributed.all_reduce(shared, op=operation)
    reduced: npt.NDArray[Number] = shared.numpy()
    return reduced
