"""How samples are laid out in the time of Lava runs, and cut out of what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.result import Schedule, SpikeArray
from loihi_sca.network import ComplexDense, Dense, Graded, Layer, Recurrent


@dataclass(frozen=True)
class Windows:
    """The windows of samples.

    Pipelined, all samples go through one build, each ``timesteps`` after the one before, and what
    layer ``l`` (from 1; of a graph, the longest way to it) does at local step ``t`` of sample ``i``
    comes at step ``i T + t + l``.
    Where state outlives a reset (cold; resonators; sigma-delta neurons; spikes that a synapse holds
    back, of a recurrent layer or in delay lines), each sample gets a build of its own. Even there
    layers run before their window begins; what they send then and would be felt in it is refused
    (:mod:`loihi_sca.engine.lava_start`).

    Attributes
    ----------
    samples, timesteps, layers : int
        N, T, and the number of synapse layers, of a graph on its longest way.
    cold, streamed : bool
        Cold schedule; all samples in one build.
    """

    samples: int
    timesteps: int
    layers: int
    cold: bool
    streamed: bool

    @property
    def runs(self) -> int:
        """Builds of the network, one after the other."""
        return 1 if self.streamed else self.samples

    @property
    def steps(self) -> int:
        """Timesteps of each run."""
        busy = self.timesteps * (self.samples // self.runs)
        return busy if self.cold else busy + self.layers

    def to_lava(self, spikes: SpikeArray) -> SpikeArray:
        """Turn (N, *shape, T) into (runs, steps, *reversed shape), zeros at the end."""
        windows = _reversed(spikes)
        stream = np.zeros((self.runs, self.steps, *windows.shape[2:]), dtype=windows.dtype)
        windows = windows.reshape(self.runs, -1, *windows.shape[2:])
        stream[:, : windows.shape[1]] = windows
        return stream

    def from_lava(self, stream: SpikeArray, layer: int) -> SpikeArray:
        """Cut (runs, steps, *reversed shape) of a layer, counted from 1, into (N, *shape, T)."""
        start = 0 if self.cold else layer
        end = start + self.timesteps * (self.samples // self.runs)
        windows = stream[:, start:end].reshape(self.samples, self.timesteps, *stream.shape[2:])
        return np.ascontiguousarray(_reversed(windows))


def _reversed(windows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Swap (N, C, H, W, T) and Lava's (N, T, W, H, C), or (N, C, T) and (N, T, C)."""
    return windows.transpose(0, *range(windows.ndim - 1, 0, -1))


def lay_out(
    layers: Sequence[Layer], depth: int, arriving: SpikeArray, schedule: Schedule
) -> Windows:
    """Lay out samples for a network.

    Parameters
    ----------
    layers : sequence of Layer
        Its synapse layers.
    depth : int
        How many of them lie on the longest way through it.
    arriving : array (N, *shape, T)
        What the first of them hears.
    schedule : {"pipelined", "cold"}
    """
    holds_back = any(
        isinstance(x, Recurrent | ComplexDense)
        or isinstance(x.neuron, Graded)
        or (isinstance(x, Dense) and x.delay is not None and x.delay.any())
        for x in layers
    )
    return Windows(
        samples=len(arriving),
        timesteps=arriving.shape[-1],
        layers=depth,
        cold=schedule == "cold",
        streamed=schedule == "pipelined" and not holds_back,
    )
