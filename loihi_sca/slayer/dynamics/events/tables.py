"""Tables of weights as the kernels read and write them: a row of output channels per input."""

from __future__ import annotations

from collections.abc import Callable

import torch

from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.jit import entry_point
from loihi_sca.slayer.dynamics.tiles import Array, tile_range

_EDGE = 16
"""Of the squares that are transposed at once: a line of the cache."""


def table_of(kernel: torch.Tensor) -> torch.Tensor:
    """Return a kernel (out, in, kh, kw) as a table [kh kw in, out]."""
    lines = kernel.detach().permute(0, 2, 3, 1).contiguous()  # free where channels are last
    return _transposed(lines.flatten(1))


def kernel_of(table: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return a table [kh kw in, out] as a kernel (out, in, kh, kw), channels last."""
    lines = _transposed(table)
    return lines.view(len(lines), height, width, -1).permute(0, 3, 1, 2)


def _transposed(matrix: torch.Tensor) -> torch.Tensor:
    """Transpose; torch's own copy takes a multiple of the time."""
    out = torch.empty(matrix.shape[1], matrix.shape[0])
    threads.run(_transpose, out.numel(), threads.CHUNKS, matrix.numpy(), out.numpy())
    return out


@entry_point
def _transpose(sources: str) -> Callable[..., None]:
    """Return the kernel that transposes a matrix."""

    def transpose(first: int, last: int, chunks: int, matrix: Array, out: Array) -> None:
        """Write the columns of a range of chunks as rows of out."""
        _ = sources
        rows, columns = matrix.shape
        tiles = -(-columns // _EDGE)
        begin, _unused = tile_range(first, chunks, tiles)
        _unused, end = tile_range(last - 1, chunks, tiles)
        for row in range(0, rows, _EDGE):
            row_end = min(row + _EDGE, rows)
            for column in range(begin * _EDGE, min(end * _EDGE, columns), _EDGE):
                for i in range(column, min(column + _EDGE, columns)):
                    for j in range(row, row_end):
                        out[i, j] = matrix[j, i]

    return transpose
