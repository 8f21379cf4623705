"""Tables of weights as the kernels read and write them: a row of output channels per input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.cuda.convolution import GRID
from loihi_sca.slayer.dynamics.jit import entry_point
from loihi_sca.slayer.dynamics.tiles import Array, tile_range

BLOCK = 32
"""Columns to a multiple of which rows of steps are padded."""

_EDGE = 16
"""Of the squares that are transposed at once: a line of the cache."""


def table_of(kernel: torch.Tensor, peak: int) -> torch.Tensor:
    """Return a kernel (out, in, kh, kw) in steps of 1/32 as a table [kh kw in, out].

    Of 8 bits if they hold the largest magnitude, ``peak``, else of 16. Rows are padded with zeros
    to a multiple of :data:`BLOCK` columns.
    """
    lines = kernel.detach().permute(0, 2, 3, 1).contiguous()  # free where channels are last
    lines = lines.flatten(1)
    kind = torch.int8 if peak < 1 << 7 else torch.int16
    table = torch.zeros(lines.shape[1], -(-len(lines) // BLOCK) * BLOCK, dtype=kind)
    _run(lines, table, GRID)
    return table


def kernel_of(blocks: torch.Tensor, out_c: int, height: int, width: int) -> torch.Tensor:
    """Return tables [blocks, kh kw in, columns] as a kernel (out, in, kh, kw), channels last.

    The columns of all blocks, one after the other, are the output channels, and there may be more.
    """
    count, rows, columns = blocks.shape
    lines = torch.empty(count * columns, rows)
    for block, part in zip(blocks, lines.view(count, columns, rows), strict=True):
        _run(block, part, 1)
    return lines[:out_c].view(out_c, height, width, -1).permute(0, 3, 1, 2)


def _run(matrix: torch.Tensor, out: torch.Tensor, factor: float) -> None:
    """Transpose; torch's own copy takes a multiple of the time."""
    arrays = (matrix.numpy(), out.numpy())
    threads.run(_transpose, matrix.numel(), threads.CHUNKS, *arrays, np.float32(factor))


@entry_point
def _transpose(sources: str) -> Callable[..., None]:
    """Return the kernel that transposes a matrix."""

    def transpose(
        first: int, last: int, chunks: int, matrix: Array, out: Array, factor: Any
    ) -> None:
        """Write the columns of a range of chunks, times a factor, as rows of out."""
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
                        out[i, j] = matrix[j, i] * factor

    return transpose
