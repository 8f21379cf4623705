"""Values that the chip must be able to hold, whatever room a layer takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Graded,
    Layer,
    Neuron,
    OtherLayer,
    OtherNeuron,
    Resonator,
    Sigma,
)

GRADED = ("sdnn", "sigma", "delta", "graded")
"""Parts of the names of neurons that send more than one bit."""

SIGMA_DELTA = "sdnn"
"""Type of sigma-delta neurons, also of those that encode."""

SIGMA_OUTPUT = "sigma_output"
"""Parameter of a sigma-delta neuron that puts out its sum."""


@dataclass(frozen=True)
class Ranges:
    """Values of a layer that the chip must be able to hold.

    Attributes
    ----------
    threshold : int
        Mantissa.
    biases : tuple of (int, int)
        The different kinds of bias: signed bits of the odd factor, and the power of two beside it.
    decay : int
        Largest decay in 1/4096.
    delay : int
        Longest synaptic or axonal delay in timesteps.
    payload_bits : int
        0 for binary spikes, else at least 1.
    """

    threshold: int = 0
    biases: tuple[tuple[int, int], ...] = ()
    decay: int = 0
    delay: int = 0
    payload_bits: int = 0


def payload_bits_of(neuron: str) -> int:
    """Return 1 for a neuron that by its name sends more than one bit, else 0."""
    return int(any(part in neuron.lower() for part in GRADED))


def ranges_of(layer: Layer) -> Ranges:
    """Return the ranges of a layer."""
    neuron = layer.neuron
    tables = [x.delay for x in layer.tables if isinstance(x, Dense | OtherLayer)]
    delays = [layer.axon_delay, *tables]
    bias = layer.bias if isinstance(layer, Conv | Dense | OtherLayer) else None
    graded = any(part in neuron_type(neuron) for part in GRADED)
    return Ranges(
        threshold=0 if isinstance(neuron, Sigma | OtherNeuron | None) else neuron.threshold,
        biases=_kinds_of_bias(bias.tolist()) if bias is not None else (),
        decay=_largest_decay(neuron) if isinstance(neuron, Cuba | Resonator) else 0,
        delay=max((int(d.max()) for d in delays if d is not None), default=0),
        payload_bits=1 if graded else 0,
    )


def _largest_decay(neuron: Cuba | Resonator) -> int:
    return max(int(np.max(decay)) for decay in neuron.decays)


def _kinds_of_bias(biases: Iterable[int]) -> tuple[tuple[int, int], ...]:
    kinds = {(signed_bits(b // (b & -b)), (b & -b).bit_length() - 1) for b in biases if b}
    return tuple(sorted(kinds))


def neuron_type(neuron: Neuron | None) -> str:
    """Return the type of a neuron in lower case, ``none`` without one.

    A sigma-delta neuron that puts out its sum is a type of its own, as in netx.
    """
    if isinstance(neuron, Graded):
        return SIGMA_OUTPUT if isinstance(neuron, Sigma) else SIGMA_DELTA
    if isinstance(neuron, OtherNeuron):
        return SIGMA_OUTPUT if SIGMA_OUTPUT in neuron.parameters else neuron.type.lower()
    if isinstance(neuron, Resonator):
        return "rf_izhikevich" if neuron.izhikevich else "rf_phase"
    return "none" if neuron is None else "cuba"


def signed_bits(value: int) -> int:
    """Return the bits of an integer, sign included."""
    return (value if value >= 0 else ~value).bit_length() + 1
