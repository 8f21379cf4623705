"""Fields of NIR nodes as arrays, numbers, pairs, or one value per channel."""

from __future__ import annotations

import math

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


def pair_of(node: NirNode, key: str, default: int | None = None, low: int = 1) -> Pair:
    """Return a field of one whole number or two, (vertical, horizontal); no default: it must be."""
    values = _whole(node, key, default, (1, 2))
    if min(values) < low:
        raise NetworkError(f"{node}: {key} is {values}, must be at least {low}.")
    return values[0], values[-1]


def _whole(node: NirNode, key: str, default: int | None, sizes: tuple[int, ...]) -> list[int]:
    if key not in node.fields and default is not None:
        return [default]
    values = array_of(node, key).ravel()
    if values.size not in sizes or np.any(values != np.rint(values)) or np.any(abs(values) > 1e6):
        raise NetworkError(
            f"{node}: {key} is {node.fields[key]!r}, not {max(sizes)} whole numbers."
        )
    return [int(n) for n in values]


def per_neuron(node: NirNode, key: str, shape: Shape) -> FloatArray:
    """Return one value per neuron of a shape; a scalar is taken for all.

    Raises
    ------
    UnsupportedLayer
        One axis of values for a map, and which one it goes along is not said.
    NetworkError
        The shape of the field is another.
    """
    value = array_of(node, key)
    if np.unique(value).size == 1:
        return np.full(shape, value.flat[0])
    if value.size == math.prod(shape) and (value.ndim == 1 or _long(value.shape) == _long(shape)):
        return value.reshape(shape)
    if value.ndim == 1 and len(shape) == 3:
        raise UnsupportedLayer(
            f"{node}: {key} has shape {value.shape}, and which axis of {shape} it goes along is "
            "not said",
            "Write it with the shape of the layer.",
        )
    try:
        return np.array(np.broadcast_to(value, shape))
    except ValueError:
        raise NetworkError(f"{node}: {key} has shape {value.shape}, its layer {shape}.") from None


def _long(shape: tuple[int, ...]) -> list[int]:
    """Return the axes of a shape that are longer than 1."""
    return [n for n in shape if n != 1]


def per_channel(node: NirNode, key: str, shape: Shape) -> FloatArray:
    """Return one value per channel of a layer; a scalar is taken for all.

    Raises
    ------
    UnsupportedLayer
        Neurons of one channel differ, or as :func:`per_neuron`.
    NetworkError
        As :func:`per_neuron`.
    """
    flat = per_neuron(node, key, shape).reshape(shape[0], -1)
    if np.any(flat != flat[:, :1]):
        raise UnsupportedLayer(
            f"{node}: {key} differs between neurons of a channel", "One value per channel can be."
        )
    return np.array(flat[:, 0])
