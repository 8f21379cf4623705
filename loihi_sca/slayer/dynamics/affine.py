"""Compiled loops of a batch norm over a current: one pass each where torch takes several.

Values are [..., C] and contiguous, given flat. They are cut into tiles and chunks as in
:mod:`loihi_sca.slayer.dynamics.tiles`: no sum depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.jit import entry_point
from loihi_sca.slayer.dynamics.tiles import Array, add_up, tile_length, tile_range, tiled

_TILES = 16
"""Tiles whose sums are formed in float32, to go on in float64."""


def rounded(values: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, per: int) -> Any:
    """Return ``scale values + shift`` to the nearest multiple of ``1 / per``, a power of 2.

    Parameters
    ----------
    values : float32 tensor [..., C], contiguous, on a CPU
    scale, shift : float32 tensors (C,)
    per : int
    """
    out = torch.empty_like(values)
    arrays = (_flat(values), scale.numpy(), shift.numpy(), np.float32(per), _length(scale))
    threads.run(_round, values.numel(), threads.CHUNKS, *arrays, _flat(out))
    return out


def sums(given: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return, per channel, the sums of ``given`` and of ``given values``, as float32."""
    channels = given.shape[-1]
    found = np.zeros((threads.CHUNKS, 2, channels))
    threads.run(_sum, given.numel(), _flat(given), _flat(values), tile_length(channels), found)
    total, product = torch.from_numpy(found.sum(axis=0)).float()
    return total, product


def combined(
    given: torch.Tensor,
    values: torch.Tensor,
    scale: torch.Tensor,
    slope: torch.Tensor,
    constant: torch.Tensor,
) -> torch.Tensor:
    """Return ``scale given + slope values + constant``; the factors are (C,)."""
    out = torch.empty_like(given)
    factors = (scale.numpy(), slope.numpy(), constant.numpy(), _length(scale))
    threads.run(
        _combine, given.numel(), threads.CHUNKS, _flat(given), _flat(values), *factors, _flat(out)
    )
    return out


def _flat(values: torch.Tensor) -> npt.NDArray[np.float32]:
    flat: npt.NDArray[np.float32] = values.detach().view(-1).numpy()
    return flat


def _length(per_channel: torch.Tensor) -> int:
    return tile_length(len(per_channel))


@intrinsic  # type: ignore[untyped-decorator]
def nearest(typing: Any, value: Any) -> Any:
    """Round to the nearest integer, and to even ones from the middle, as a vector instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()])
        function = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()], kind)
        return builder.call(function, arguments)

    return types.float32(types.float32), generate


@entry_point
def _round(sources: str) -> Callable[..., None]:
    """Return the kernel of :func:`rounded`."""

    def rounded(
        first: int, last: int, chunks: int, values: Array, scale: Array, shift: Array, per: Any,
        length: int, out: Array,
    ) -> None:  # fmt: skip
        """Write out; ``length`` is that of a tile."""
        _ = sources
        factor, added = tiled(scale, length), tiled(shift, length)
        size = len(values)
        tiles = -(-size // length)
        begin, _unused = tile_range(first, chunks, tiles)
        _unused, end = tile_range(last - 1, chunks, tiles)
        step = np.float32(1) / per
        for start in range(begin * length, min(end * length, size), length):
            used = min(length, size - start)
            values_, out_ = values[start : start + used], out[start : start + used]
            for j in range(used):
                exact = np.float32(values_[j] * factor[j] + added[j])
                out_[j] = nearest(np.float32(exact * per)) * step

    return rounded


@entry_point
def _sum(sources: str) -> Callable[..., None]:
    """Return the kernel of :func:`sums`."""

    def sums(first: int, last: int, given: Array, values: Array, length: int, found: Array) -> None:
        """Write the sums of each chunk, (chunks, 2, C)."""
        _ = sources
        size, chunks = len(given), len(found)
        tiles = -(-size // length)
        total = np.zeros((2, length), np.float32)
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, tiles)
            for tile in range(begin, end):
                start = tile * length
                used = min(length, size - start)
                given_, values_ = given[start : start + used], values[start : start + used]
                for j in range(used):
                    total[0, j] += given_[j]
                    total[1, j] += given_[j] * values_[j]
                if (tile - begin) % _TILES == _TILES - 1 or tile == end - 1:
                    for k in range(2):
                        add_up(total[k], length, found[chunk, k])
                    total[:] = 0

    return sums


@entry_point
def _combine(sources: str) -> Callable[..., None]:
    """Return the kernel of :func:`combined`."""

    def combined(
        first: int, last: int, chunks: int, given: Array, values: Array, scale: Array,
        slope: Array, constant: Array, length: int, out: Array,
    ) -> None:  # fmt: skip
        """Write out; ``length`` is that of a tile."""
        _ = sources
        a, b, c = tiled(scale, length), tiled(slope, length), tiled(constant, length)
        size = len(given)
        tiles = -(-size // length)
        begin, _unused = tile_range(first, chunks, tiles)
        _unused, end = tile_range(last - 1, chunks, tiles)
        for start in range(begin * length, min(end * length, size), length):
            used = min(length, size - start)
            given_, values_ = given[start : start + used], values[start : start + used]
            out_ = out[start : start + used]
            for j in range(used):
                out_[j] = np.float32(a[j] * given_[j] + (b[j] * values_[j] + c[j]))

    return combined
