"""The reference engine's resonate-and-fire neurons: the definition, in readable numpy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.result import Trace
from loihi_sca.network import ComplexDense, IntArray, Resonator
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY, STATE_LIMIT

WideArray = npt.NDArray[np.int64]


class State(NamedTuple):
    """Neurons after an update and before the reset; all arrays (N, N_out)."""

    spikes: npt.NDArray[np.bool_]
    re: WideArray
    im: WideArray
    unclipped_re: WideArray
    unclipped_im: WideArray


def update(
    neuron: Resonator, re: WideArray, im: WideArray, z_re: WideArray, z_im: WideArray
) -> State:
    """Advance neurons by one timestep; the arguments are (N, N_out)."""
    sin, cos = neuron.sin_decay, neuron.cos_decay
    free_re = _scaled(re, cos) - _scaled(im, sin) + ALIGN * z_re
    free_im = _scaled(re, sin) + _scaled(im, cos) + ALIGN * z_im
    new_re, new_im = (np.clip(x, 1 - STATE_LIMIT, STATE_LIMIT - 1) for x in (free_re, free_im))
    threshold = ALIGN * neuron.threshold
    if neuron.izhikevich:
        spikes = new_im >= threshold
    else:
        spikes = (new_re >= threshold) & (new_im >= 0) & (im < 0)
    return State(spikes, new_re, new_im, free_re, free_im)


def resonate(layer: ComplexDense, neuron: Resonator, arriving: IntArray) -> tuple[Trace, Any]:
    """Run a layer on the spikes (N, *in_shape, T) that arrive; return its trace and its peaks.

    The trace has the real part of the state as current and the imaginary one as voltage, before the
    reset. Axon delays are left to the caller.
    """
    flat = arriving.reshape(len(arriving), -1, arriving.shape[-1]).astype(np.int64)
    re = im = np.zeros((len(flat), layer.neurons), dtype=np.int64)
    history = []
    for t in range(flat.shape[-1]):
        z_re, z_im = (flat[..., t] @ w.T.astype(np.int64) for w in (layer.real, layer.imag))
        state = update(neuron, re, im, z_re, z_im)
        re, im = state.re, state.im
        if neuron.izhikevich:
            re = np.where(state.spikes, 0, re)
            im = np.where(state.spikes, ALIGN * neuron.threshold - 1, im)
        history.append(state)
    spikes, re, im, *free = (np.stack(x, axis=-1) for x in zip(*history, strict=True))
    counts = {
        "peak_current": max(int(np.abs(x).max()) for x in free),
        "voltage_saturations": int(np.count_nonzero(free[0] != re))
        + int(np.count_nonzero(free[1] != im)),
    }
    return Trace(spikes.astype(np.uint8), re.astype(np.int32), im.astype(np.int32)), counts


def _scaled(state: WideArray, decay: int | IntArray) -> WideArray:
    """Return ``trunc(state decay / 4096)``, towards zero."""
    scaled: WideArray = np.sign(state) * (np.abs(state) * decay // MAX_DECAY)
    return scaled
