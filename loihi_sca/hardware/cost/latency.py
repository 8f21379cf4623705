"""Latency per step, throughput and time to the first result, with the core that binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.cost.load import Load
from loihi_sca.hardware.quantity import Band, Quantity
from loihi_sca.hardware.schema import Profile, Time

NANO_PER_MICRO = 1e3
MICRO_PER_UNIT = 1e6

KINDS = ("synops", "updates", "messages")
"""What a core does at the same time; the slowest of the three sets its pace."""

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Busiest:
    """The slowest core of a layer in a step.

    Attributes
    ----------
    layer : str
    core : int
        Counted through the whole network.
    what : {"synops", "updates", "messages"}
        What takes it longest.
    time_us : Band
        Without the barrier.
    synops, updates, messages : float
        Of this core, per step.
    """

    layer: str
    core: int
    what: str
    time_us: Band
    synops: float
    updates: float
    messages: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return {
            "layer": self.layer,
            "core": self.core,
            "what": self.what,
            "time_us": self.time_us.as_json(),
            "synops_per_step": self.synops,
            "updates_per_step": self.updates,
            "messages_per_step": self.messages,
        }


@dataclass(frozen=True)
class LatencyEstimate:
    """Time per step and per sample.

    Attributes
    ----------
    step_us : Band
        Slowest core and barrier.
    barrier_us : Band
    timesteps : int
        Steps per sample, T.
    synapse_layers : int
        Steps that a spike takes through the network, L.
    layers : tuple of Busiest
        The busiest core of every layer on cores.
    """

    step_us: Band
    barrier_us: Band
    timesteps: int
    synapse_layers: int
    layers: tuple[Busiest, ...]

    @property
    def binding(self) -> Busiest:
        """The busiest core of all."""
        return max(self.layers, key=lambda x: x.time_us.best)

    @property
    def sample_us(self) -> Band:
        """Time per sample when samples follow each other: T steps."""
        return self.step_us * self.timesteps

    @property
    def first_result_us(self) -> Band:
        """Time from the first spike in to the last spike out of one sample: T + L steps."""
        return self.step_us * (self.timesteps + self.synapse_layers)

    @property
    def samples_per_s(self) -> Band:
        """Pipelined throughput."""
        time = self.sample_us
        return Band(
            MICRO_PER_UNIT / time.high, MICRO_PER_UNIT / time.best, MICRO_PER_UNIT / time.low
        )

    def as_json(self) -> dict[str, Any]:
        """Return the latency as JSON values, see ``docs/hardware.md``."""
        return {
            "step_us": self.step_us.as_json(),
            "barrier_us": self.barrier_us.as_json(),
            "timesteps": self.timesteps,
            "synapse_layers": self.synapse_layers,
            "sample_us": self.sample_us.as_json(),
            "first_result_us": self.first_result_us.as_json(),
            "samples_per_s": self.samples_per_s.as_json(),
            "binding": self.binding.as_json(),
            "layers": [layer.as_json() for layer in self.layers],
        }


def latency(
    profile: Profile, loads: Sequence[Load], timesteps: int, synapse_layers: int
) -> LatencyEstimate:
    """Return time per step and sample.

    ``step = max over cores of (synop time, update time, message time) + barrier``.
    """
    busiest = tuple(_busiest(profile.time, x, timesteps) for x in loads if len(x.synops))
    barrier = profile.time.barrier.band * (1 / NANO_PER_MICRO)
    slowest = Band(
        max(x.time_us.low for x in busiest),
        max(x.time_us.best for x in busiest),
        max(x.time_us.high for x in busiest),
    )
    return LatencyEstimate(slowest + barrier, barrier, timesteps, synapse_layers, busiest)


def step_time(
    profile: Profile, *, synops: float, updates: float = 0.0, messages: float = 0.0
) -> Band:
    """Return the time of a step in us, given what the busiest core does in it.

    Parameters
    ----------
    synops, updates, messages : float
        Of the busiest core in one step; updates per compartment, messages received.
    """
    time = profile.time
    candidates = (
        time.synop.band * synops, time.update.band * updates, time.axon_in.band * messages,
    )  # fmt: skip
    slowest = Band(*(max(getattr(b, end) for b in candidates) for end in ("low", "best", "high")))
    return (slowest + time.barrier.band) * (1 / NANO_PER_MICRO)


def _busiest(constants: Time, load: Load, timesteps: int) -> Busiest:
    synop = {"conv": constants.synop_conv, "dense": constants.synop_dense}.get(load.kind)
    per_kind = (
        np.stack(
            [
                _times((synop or constants.synop, load.synops)),
                _times((constants.update, load.updates), (constants.spike, load.spikes)),
                _times((constants.axon_in, load.received), (constants.axon_out, load.sent)),
            ]
        )
        / timesteps
    )  # (kinds, low/best/high, cores)
    # the way through the mesh is paid once a step, not per message
    hops = (constants.hop_east_west, constants.hop_north_south)
    per_kind[2] += _times(*((hop, load.farthest[:, i]) for i, hop in enumerate(hops)))
    per_core = per_kind.max(axis=0)
    core = int(per_core[1].argmax())
    low, best, high = (float(t) / NANO_PER_MICRO for t in per_core.max(axis=1))
    return Busiest(
        load.layer,
        load.first + core,
        KINDS[int(per_kind[:, 1, core].argmax())],
        Band(low, best, high),
        float(load.synops[core] / timesteps),
        float(load.updates[core] / timesteps),
        float((load.received[core] + load.sent[core]) / timesteps),
    )


def _times(*operations: tuple[Quantity, Times]) -> Times:
    """Return the time of operations in ns, (low/best/high, cores)."""
    return np.stack(
        [
            sum(count * getattr(constant.band, end) for constant, count in operations)
            for end in ("low", "best", "high")
        ]
    )
