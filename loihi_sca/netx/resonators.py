"""Read resonators: dense layers of complex weights, where nothing stands that netx passes over."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from loihi_sca.errors import NetworkError
from loihi_sca.network import ComplexDense, OtherLayer, OtherNeuron, Resonator
from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.netx import access, fields
from loihi_sca.netx.limits import mantissas_load


def resonating(layer: OtherLayer, group: h5py.Group) -> ComplexDense | None:
    """Return a layer that was read as one to be mapped as one to be run, if it can be.

    Parameters
    ----------
    layer : OtherLayer
    group : h5py.Group
        Of the layer in the file.
    """
    neuron = layer.neuron
    if (
        layer.type != "dense"
        or list(layer.weights) != ["weight/real", "weight/imag"]
        or not isinstance(neuron, OtherNeuron)
        or neuron.type not in fields.RESONATORS
        or list(fields.other_values(neuron.parameters, fields.RESONATOR))
        or not set(neuron.parameters) <= {field.name for field in fields.RESONATOR}
        or any(x is not None and x.any() for x in (layer.bias, layer.delay))
    ):
        return None
    sin, cos = (_mantissas(layer.name, group["neuron"], x) for x in ("sinDecay", "cosDecay"))
    for key, values in (("sinDecay", sin), ("cosDecay", cos)):
        if values.size not in (1, layer.neurons):
            raise NetworkError(
                f"{layer.name}: neuron/{key} has {values.size} values for {layer.neurons} neurons."
            )
    try:
        resonator = Resonator(
            np.floor(sin).astype(np.int32),
            np.floor(cos).astype(np.int32),
            access.whole_number(group["neuron"], "vThMant"),
            fields.RESONATORS[neuron.type],
        )
    except NetworkError as error:
        raise NetworkError(f"{layer.name}, neuron: {error}") from error
    real, imag = layer.weights.values()
    return ComplexDense(layer.name, layer.in_shape, real, imag, neuron=resonator)


def loads_changed(neuron: h5py.Group) -> bool:
    """Tell whether stock netx would make other mantissas of those of resonators in a file."""
    sin, cos = (_mantissas(neuron.name, neuron, x) for x in ("sinDecay", "cosDecay"))
    return not mantissas_load(sin, cos)


def _mantissas(name: str, neuron: h5py.Group, key: str) -> npt.NDArray[np.float64]:
    """Return mantissas, which may have a fraction: what netx makes of them loses it again."""
    values: npt.NDArray[Any] = np.asarray(access.raw(access.dataset(neuron, key)))
    if values.dtype.kind not in "iuf" or not ((values >= 0) & (values <= MAX_DECAY)).all():
        raise NetworkError(f"{name}: neuron/{key} must be mantissas from 0 to {MAX_DECAY}.")
    flat: npt.NDArray[np.float64] = values.astype(np.float64).ravel()
    return flat
