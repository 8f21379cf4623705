"""Have everything compiled that the fast engine may need, before it is needed.

Kernels are compiled per type of argument. What types there are, layers decide: whether 16 bits hold
their weights and 32 bits their currents, what adds to them, and what kind of input they take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast import run
from loihi_sca.engine.fast.graded import KINDS_READ
from loihi_sca.network import (
    ComplexDense,
    Cuba,
    Delta,
    Dense,
    Input,
    Layer,
    Network,
    Resonator,
    SigmaDelta,
)

NARROW, WIDE = 2, 1 << 20
"""Weights that fit 16 bits, and that do not."""

CUBA = Cuba(1024, 128, 80)


def warm(on_progress: Callable[[int, int], None] | None = None) -> str | None:
    """Run a network of every kind, so that its kernels are compiled, or loaded, and kept.

    Parameters
    ----------
    on_progress : callable, optional
        Called with networks that have run, and their number.

    Returns
    -------
    str or None
        The folder in which the machine code is kept; None if none can be written.
    """
    from loihi_sca.engine.fast.kernels import run_layer
    from loihi_sca.jit import folder_of

    networks = _networks()
    for done, network in enumerate(networks, start=1):
        for kind in KINDS_READ if network.is_graded else (np.uint8,):
            data: npt.NDArray[np.integer[Any]] = np.zeros((1, *network.in_shape, 2), dtype=kind)
            for values in (data, _read_only(data)):
                run(network, values, threads=1)
        if on_progress is not None:
            on_progress(done, len(networks))
    return folder_of(run_layer)


def _networks() -> list[Network]:
    """Return a network for every set of types that kernels are called with."""
    driven = Input("input", (1, 1, 2), neuron=CUBA)
    encoded = Input("input", (1, 1, 2), neuron=Delta(64))
    graded = Dense("out", (1, 1, 2), _weights(NARROW), neuron=SigmaDelta(64))
    shape = Input("input", (1, 1, 2))
    layers: list[tuple[Layer, ...]] = [
        *((_dense(size),) for size in (NARROW, WIDE)),
        *((shape, _adding(size)) for size in (NARROW, WIDE)),
        *((_turning(size),) for size in (NARROW, WIDE)),
        (driven, _dense(NARROW)),
        (shape, graded),
        (encoded, graded),
    ]
    return [Network("warm", found, timesteps=2) for found in layers]


def _dense(size: int) -> Dense:
    return Dense("out", (1, 1, 2), _weights(size), neuron=CUBA)


def _adding(size: int) -> Dense:
    """Return a layer to which further synapses add."""
    further = Dense("further", (1, 1, 2), _weights(size), source="input")
    return replace(_dense(size), added=(further,))


def _turning(size: int) -> ComplexDense:
    """Return a layer of resonators."""
    return ComplexDense(
        "out", (1, 1, 2), _weights(size), _weights(size), neuron=Resonator(100, 4000, 80)
    )


def _weights(size: int) -> npt.NDArray[np.int32]:
    return np.array([[size, -size], [size, size]], dtype=np.int32)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy such as a memory map of a file is."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy
