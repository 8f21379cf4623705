"""The reference engine's sigma-delta neurons: the definition of what they do, in readable numpy.

All arrays of state are int32, as in Lava, and wrap where they overflow, as there. What a chip of
24-bit states and 16-bit messages could not hold is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.network import Delta, Graded, IntArray, Layer, Sigma, Window
from loihi_sca.network.activity import GradedActivity
from loihi_sca.network.fixed_point import (
    GRADED_ALIGN_BITS,
    MESSAGE_BITS,
    PAYLOAD_LIMIT,
    STATE_LIMIT,
)

WideArray = npt.NDArray[np.int64]


class State(NamedTuple):
    """A layer after an update; all int32 arrays (N, *out_shape).

    ``sigma`` is the sum of what arrived, ``act`` what it amounts to, ``residue`` the part of its
    changes that was not sent, and ``message`` what is sent.
    """

    sigma: IntArray
    act: IntArray
    residue: IntArray
    message: IntArray


def at_rest(shape: tuple[int, ...]) -> State:
    """Return the state before the first step."""
    zero = np.zeros(shape, dtype=np.int32)
    return State(zero, zero, zero, zero)


def update(neuron: Graded, state: State, z: IntArray, value: IntArray) -> State:
    """Advance neurons by one timestep.

    Parameters
    ----------
    neuron : Delta, SigmaDelta or Sigma
    state : State
        Of the step before.
    z : int32 array (N, *out_shape)
        What arrives through synapses.
    value : int32 array, broadcastable to that
        What a Delta encodes, the bias of a SigmaDelta; in 1/64.
    """
    sigma = state.sigma + z
    if isinstance(neuron, Sigma):
        return State(sigma, state.act, state.residue, sigma)
    aligned = value << GRADED_ALIGN_BITS
    if isinstance(neuron, Delta):
        act = np.broadcast_to(aligned, sigma.shape)
    else:
        act = np.maximum(sigma + aligned, 0)
    delta = act - state.act + state.residue
    enough = np.abs(delta) >= neuron.threshold << GRADED_ALIGN_BITS
    sent = np.where(enough, delta, 0)
    return State(sigma, act, delta - sent, sent >> MESSAGE_BITS)


def arrived(layer: Layer, weighted: WideArray) -> tuple[IntArray, int]:
    """Return weighted sums as they arrive in int32, and how many of a convolution's wrapped.

    Lava's Conv wraps them to 24 bits, its Dense does not.
    """
    z = weighted.astype(np.int32)
    if not isinstance(layer, Window):
        return z, 0
    wrapped = (z + STATE_LIMIT & 2 * STATE_LIMIT - 1) - STATE_LIMIT
    return wrapped, int(np.count_nonzero(wrapped != z))


def run_neurons(
    layer: Layer, neuron: Graded, sums: Iterable[WideArray], values: IntArray
) -> tuple[IntArray, IntArray, int]:
    """Run the neurons of a layer over all timesteps.

    Returns messages and sigma, int32 arrays (N, *out_shape, T), and how often sums wrapped.

    Parameters
    ----------
    layer : Layer
    neuron : Delta, SigmaDelta or Sigma
        Its neuron.
    sums : iterable of int64 array (N, *out_shape)
        What its synapses give at each timestep.
    values : int32 array, broadcastable to (N, *out_shape, T)
        See :func:`update`.
    """
    history, wraps, state = [], 0, None
    for t, weighted in enumerate(sums):
        z, wrapped = arrived(layer, weighted)
        state = update(neuron, state or at_rest(z.shape), z, values[..., t])
        wraps += wrapped
        history.append(state)
    sigma, _, _, messages = (np.stack(x, axis=-1) for x in zip(*history, strict=True))
    return messages, sigma, wraps


def count(messages: IntArray, sigma: IntArray, input_wraps: int) -> GradedActivity:
    """Count what a layer that sends messages did."""
    sent = messages[messages != 0].astype(np.int64)
    size, level = np.abs(sent), np.abs(sigma.astype(np.int64))
    return GradedActivity(
        message_bits=int(bits(sent).sum()),
        peak_message=int(size.max(initial=0)),
        wide_messages=int(np.count_nonzero(size >= PAYLOAD_LIMIT)),
        peak_sigma=int(level.max()),
        wide_sigmas=int(np.count_nonzero(level >= STATE_LIMIT)),
        input_wraps=input_wraps,
    )


def bits(values: WideArray) -> WideArray:
    """Return the bits that each value needs, sign included; 1 for 0 and -1, 2 for 1 and -2."""
    magnitude = np.where(values < 0, ~values, values)
    found: WideArray = np.frexp(magnitude.astype(np.float64))[1].astype(np.int64) + 1
    return found
