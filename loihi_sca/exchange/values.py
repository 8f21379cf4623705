"""Fields of NIR nodes as arrays, numbers, pairs, or one value per channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.exchange.nir_graph import NirNode
from loihi_sca.network import Pair, Shape

FloatArray = npt.NDArray[np.float64]


def array_of(node: NirNode, key: str) -> FloatArray:
    """Return a field in floating point, or raise where it is missing or holds no numbers."""
    if key not in node.fields:
        raise NetworkError(f"{node} lacks the field {key!r}.")
    value = np.asarray(node.fields[key])
    if value.dtype.kind not in "biuf" or value.size == 0:
        raise NetworkError(f"{node}: {key} holds no numbers ({value.dtype}, shape {value.shape}).")
    return value.astype(np.float64)


def number_of(node: NirNode, key: str, default: int) -> int:
    """Return a field of one whole number."""
    [value] = _whole(node, key, default, (1,))
    return value


def pair_of(node: NirNode, key: str, default: int, low: int = 1) -> Pair:
    """Return a field of one whole number or two, (vertical, horizontal)."""
    values = _whole(node, key, default, (1, 2))
    if min(values) < low:
        raise NetworkError(f"{node}: {key} is {values}, must be at least {low}.")
    return values[0], values[-1]


def _whole(node: NirNode, key: str, default: int, sizes: tuple[int, ...]) -> list[int]:
    if key not in node.fields:
        return [default]
    values = array_of(node, key).ravel()
    if values.size not in sizes or np.any(values != np.rint(values)) or np.any(abs(values) > 1e6):
        raise NetworkError(
            f"{node}: {key} is {node.fields[key]!r}, not {max(sizes)} whole numbers."
        )
    return [int(n) for n in values]


def per_channel(node: NirNode, key: str, shape: Shape) -> FloatArray:
    """Return one value per channel of a layer; a scalar is taken for all.

    Raises
    ------
    UnsupportedLayer
        Neurons of one channel differ.
    NetworkError
        The shape of the field fits neither.
    """
    value, channels = array_of(node, key), shape[0]
    if np.unique(value).size == 1:
        return np.full(channels, value.flat[0])
    if value.shape == (channels,) and len(shape) == 3 and shape[1:] != (1, 1):
        raise UnsupportedLayer(
            f"{node}: {key} has shape {value.shape}, and which axis of {shape} it goes along is "
            "not said",
            "Write it with the shape of the layer.",
        )
    try:
        full = np.broadcast_to(
            value.reshape(shape) if value.size == np.prod(shape) else value, shape
        )
    except ValueError:
        raise NetworkError(f"{node}: {key} has shape {value.shape}, its layer {shape}.") from None
    flat = full.reshape(channels, -1)
    if np.any(flat != flat[:, :1]):
        raise UnsupportedLayer(
            f"{node}: {key} differs between neurons of a channel", "One value per channel can be."
        )
    return np.array(flat[:, 0])
