"""The memory of a run of layers that send messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from loihi_sca.engine.fast.table import PADDING
from loihi_sca.network import IntArray, Network, Shape


class Buffers:
    """What two neighbouring layers send; the next but one takes the place of the first.

    Kept from run to run, since fresh memory takes the system longer to find than some layers take.
    """

    def __init__(self, network: Network, steps: int) -> None:
        self.steps, shapes = steps, sending(network)
        self._messages, self._tallies = (
            [np.empty(steps * most + PADDING, dtype=np.int32) for most in _most(sizes)]
            for sizes in ([_neurons(x) for x in shapes], [_positions(x) for x in shapes])
        )

    def of(self, place: int, shape: Shape) -> tuple[IntArray, IntArray]:
        """Return what the sender in that place has: messages (T, neurons), tallies (T, positions).

        Places are those in :func:`sending`, and ``shape`` is what is said there.
        """
        return (
            _cut(self._messages[place % 2], self.steps, _neurons(shape)),
            _cut(self._tallies[place % 2], self.steps, _positions(shape)),
        )


def sending(network: Network) -> list[Shape]:
    """Return the shapes of all that sends messages, the input first."""
    return [network.in_shape, *(x.out_shape for x in network if x.neuron is not None)]


def bytes_per_step(network: Network) -> int:
    """Return what a timestep takes of :class:`Buffers`."""
    return 4 * sum(
        sum(_most([size(x) for x in sending(network)])) for size in (_neurons, _positions)
    )


def _most(sizes: Sequence[int]) -> tuple[int, int]:
    """Return the largest size of those in even and of those in odd places."""
    return max(sizes[::2]), max(sizes[1::2], default=0)


def _neurons(shape: Shape) -> int:
    return math.prod(shape)


def _positions(shape: Shape) -> int:
    return math.prod(shape[1:])


def _cut(memory: IntArray, steps: int, size: int) -> IntArray:
    return memory[: steps * size].reshape(steps, size)
