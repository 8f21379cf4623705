"""Weights in the order in which the kernels read them: a row per input, a column per output."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.table import DEPTHWISE, Geometry
from loihi_sca.network import Conv, Dense, Input, IntArray, Layer, Pool, Recurrent, Shape, Window

PIECE_BITS = 8
"""A pattern of more inputs is looked up in pieces."""

COLUMNS = 32
"""Outputs whose weights, of 16 bits, share a vector."""

CACHE_LINE = 64
"""Bytes that a processor reads at once, if they begin at a multiple of that."""


def geometry_of(layer: Layer) -> Geometry:
    """Return which inputs the output positions of a layer see."""
    if isinstance(layer, Window):
        (in_c, in_h, in_w), (out_c, out_h, out_w) = layer.in_shape, layer.out_shape
        groups = layer.groups if isinstance(layer, Conv) else in_c
        window = (*layer.kernel, *layer.stride, *layer.padding, *layer.dilation, groups)
        return Geometry(in_h, in_w, in_c, out_h, out_w, out_c, *window)
    if isinstance(layer, Input):
        in_c, in_h, in_w = (*layer.in_shape, 1, 1)[:3]
        return Geometry(in_h, in_w, in_c, in_h, in_w, in_c)
    return Geometry(1, 1, math.prod(layer.in_shape), 1, 1, layer.out_shape[0])


def weight_rows(layer: Layer, kind: int, arriving: Shape) -> npt.NDArray[np.int64]:
    """Return the weights as rows (taps * inputs, outputs); see :class:`Table`."""
    if isinstance(layer, Conv):
        # (groups, columns, c_in / groups, ky, kx) -> (ky, kx, groups, c_in / groups, columns)
        grouped = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:])
        rows = grouped.transpose(3, 4, 0, 2, 1)
    elif isinstance(layer, Pool):
        rows = np.broadcast_to(layer.weight[..., None], (*layer.kernel, layer.out_channels))
    elif isinstance(layer, Dense):
        rows = dense_rows(layer.weight, arriving)
    else:
        return np.zeros((1, 1), dtype=np.int64)
    columns = layer.out_shape[0] if kind == DEPTHWISE else rows.shape[-1]
    return rows.reshape(-1, columns).astype(np.int64, order="C")


def delay_rows(layer: Layer, arriving: Shape) -> IntArray:
    """Return synaptic delays in the shape of the weight rows, empty without any."""
    if isinstance(layer, Dense) and layer.delay is not None:
        # always a copy: kernels would be compiled once more for an array that is read-only
        return dense_rows(layer.delay, arriving).copy(order="C")
    return np.zeros((0, 0), dtype=np.int32)


def feedback_rows(layer: Layer) -> npt.NDArray[np.int64]:
    """Return what each spike of a recurrent layer adds to its neurons; empty for others."""
    if isinstance(layer, Recurrent):
        return layer.feedback.T.astype(np.int64)
    return np.zeros((0, 0), dtype=np.int64)


def dense_rows(table: IntArray, arriving: Shape) -> IntArray:
    """Return a table (N_out, N_in) as rows (N_in, N_out), the inputs in channels-last order."""
    if len(arriving) == 1:
        return table.T
    return table.reshape(-1, *arriving).transpose(2, 3, 1, 0).reshape(table.shape[::-1])


def pattern_pieces(g: Geometry) -> list[int]:
    """Return the numbers of inputs of the pieces into which the row of a window is cut."""
    bits = g.kernel_x * g.in_c
    count = -(-bits // PIECE_BITS)
    first = -(-bits // count)
    return [min(first, bits - k * first) for k in range(count)]


def pattern_geometry(source: Geometry, pieces: list[int]) -> Geometry:
    """Return the geometry of the map of patterns: one position per row and output column.

    The inputs at a position are all the patterns that can occur there, of which there is exactly
    one per piece.
    """
    patterns = sum(1 << bits for bits in pieces)
    return source._replace(
        in_w=source.out_w, in_c=patterns, kernel_x=1, stride_x=1, pad_x=0, dilation_x=1
    )


def pattern_rows(
    rows: npt.NDArray[np.int64], g: Geometry, pieces: list[int]
) -> npt.NDArray[np.int64]:
    """Return the sums of weight rows for all patterns of all pieces of all rows of the window."""
    by_line = rows.reshape(g.kernel_y, g.kernel_x * g.in_c, -1)
    sums, first = [], 0
    for bits in pieces:
        spikes = np.arange(1 << bits)[:, None] >> np.arange(bits) & 1  # (patterns, inputs)
        sums.append(spikes @ by_line[:, first : first + bits])
        first += bits
    return np.concatenate(sums, axis=1).reshape(-1, rows.shape[1])


def channels_last(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values of shape (C, H, W) or (N,), flat and channels-last."""
    return values.transpose(1, 2, 0).ravel() if values.ndim == 3 else values.ravel()


def whole_vectors(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows with columns of zeros added, which are read in whole vectors and cache lines."""
    size = (len(rows), rows.shape[1] + -rows.shape[1] % COLUMNS)
    memory = np.zeros(size[0] * size[1] * rows.itemsize + CACHE_LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    found = memory[begin : len(memory) - CACHE_LINE + begin].view(rows.dtype).reshape(size)
    found[:, : rows.shape[1]] = rows
    return found
