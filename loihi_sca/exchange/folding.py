"""Pools that stand without neurons of their own become part of the synapses beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.exchange.float_layers import FloatArray, Synapses


def fold(first: Synapses, second: Synapses) -> Synapses:
    """Return synapses that do what two in a row do, one of which is a pool; exactly.

    Raises
    ------
    UnsupportedLayer
        Neither is a pool, or the zeros at the border between them cannot be kept.
    """
    names = first.names + second.names
    if not (first.pools or second.pools):
        raise UnsupportedLayer(
            f"nodes {' and '.join(map(repr, names))}: synapses follow synapses without a neuron "
            "between",
            "Multiply their weights into one node, or put a neuron between.",
        )
    if second.is_dense:
        weight = _onto_map(first, second)
        return Synapses(names, first.in_shape, weight, second.bias)
    _require_borders(first, second)
    weight = _merge_kernels(first, second)
    padding = tuple(
        first.padding[axis] + second.padding[axis] * first.stride[axis] for axis in (0, 1)
    )
    stride = tuple(first.stride[axis] * second.stride[axis] for axis in (0, 1))
    bias = second.bias
    if not first.pools:
        bias = bias + first.bias * second.weight.sum(axis=(1, 2, 3))
    return Synapses(
        names, first.in_shape, weight, bias, stride=(stride[0], stride[1]),
        padding=(padding[0], padding[1]),
        groups=second.groups if first.pools else first.groups,
        pools=first.pools and second.pools,
    )  # fmt: skip


def _reach(x: Synapses, axis: int) -> int:
    """Return how many inputs a window spans."""
    return x.dilation[axis] * (x.weight.shape[2 + axis] - 1) + 1


def _require_borders(first: Synapses, second: Synapses) -> None:
    """Raise where the second pads with zeros what the merged window would see something else at."""
    for axis in (0, 1):
        if second.padding[axis] == 0:
            continue
        length, places = first.in_shape[1 + axis], first.out_shape[1 + axis]
        before = _reach(first, axis) > first.stride[axis] + first.padding[axis]
        behind = places * first.stride[axis] - first.padding[axis] < length
        if not first.pools or before or behind:
            raise UnsupportedLayer(
                f"nodes {' and '.join(map(repr, first.names + second.names))}: between them "
                f"{second.padding} zeros are padded, which one convolution cannot do",
                "Put a neuron between, or do without padding there.",
            )


def _merge_kernels(first: Synapses, second: Synapses) -> FloatArray:
    """Return the kernel of two windows in a row, one of which treats all channels alike."""
    size = [
        (second.weight.shape[2 + axis] - 1) * second.dilation[axis] * first.stride[axis]
        + _reach(first, axis)
        for axis in (0, 1)
    ]
    lead = second.weight if first.pools else first.weight
    merged = np.zeros((*lead.shape[:2], *size))
    for b in np.ndindex(*second.weight.shape[2:]):
        for a in np.ndindex(*first.weight.shape[2:]):
            y, x = (
                b[axis] * second.dilation[axis] * first.stride[axis]
                + a[axis] * first.dilation[axis]
                for axis in (0, 1)
            )
            # a pool has one kernel per channel, all alike
            one = first.weight[0, 0, a[0], a[1]] if first.pools else first.weight[..., a[0], a[1]]
            other = (
                second.weight[..., b[0], b[1]] if first.pools else second.weight[0, 0, b[0], b[1]]
            )
            merged[..., y, x] += one * other
    return merged


def _onto_map(pool: Synapses, dense: Synapses) -> FloatArray:
    """Return weights from the map in front of a pool for dense synapses behind it."""
    if not pool.pools:
        raise UnsupportedLayer(
            f"nodes {' and '.join(map(repr, pool.names + dense.names))}: dense synapses follow a "
            "convolution without a neuron between",
            "Put a neuron between.",
        )
    channels, height, width = pool.in_shape
    (ph, pw), (sh, sw), (dh, dw) = pool.padding, pool.stride, pool.dilation
    _, rows, columns = pool.out_shape
    behind = dense.weight.reshape(-1, *pool.out_shape)
    wide = np.zeros((len(behind), channels, height + 2 * ph, width + 2 * pw))
    for y, x in np.ndindex(*pool.weight.shape[2:]):
        top, left = y * dh, x * dw
        wide[
            :, :, top : top + sh * (rows - 1) + 1 : sh, left : left + sw * (columns - 1) + 1 : sw
        ] += behind * pool.weight[0, 0, y, x]
    inside = wide[:, :, ph : ph + height, pw : pw + width]
    return inside.reshape(len(behind), -1)


def pool(name: str, in_shape: tuple[int, ...], like: Synapses) -> Synapses:
    """Return a pool over a map, a window for each channel by itself."""
    channels = in_shape[0]
    weight = np.broadcast_to(like.weight, (channels, 1, *like.weight.shape[2:]))
    return replace(
        like, names=(name,), in_shape=in_shape, weight=np.array(weight), bias=np.zeros(channels),
        groups=channels, pools=True,
    )  # fmt: skip
