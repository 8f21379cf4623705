"""What every engine takes and returns, so that engines can be compared and exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.axes import way_out
from loihi_sca.errors import ConfigError, InputError, UnsupportedLayer
from loihi_sca.network import Input, IntArray, Network, OtherLayer, OtherNeuron
from loihi_sca.network.activity import LayerActivity, activity_table
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_VALUE, MIN_BIAS, STATE_LIMIT
from loihi_sca.network.undefined import undefined_dynamics
from loihi_sca.results import Result, times

if TYPE_CHECKING:
    from rich.table import Table

Schedule: TypeAlias = Literal["pipelined", "cold"]
"""``pipelined``: state is reset for every sample, time is local to each layer; the contract with
training. ``cold``: no reset, every layer starts at global step 0 and each synapse layer adds one
step, time is global; what netx does without ``reset_interval``."""

SpikeArray: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.int32]
"""Spikes, 0 or 1, in uint8; or messages of sigma-delta neurons in int32."""


@dataclass(frozen=True, repr=False)
class Trace:
    """What one layer did step by step.

    Attributes
    ----------
    spikes : uint8 array (N, *out_shape, T)
        int32, where the layer sends messages.
    current, voltage : int array (N, *out_shape, T) or None
        After the update, the voltage before its reset. None from engines that cannot tell.
    sigma : int array (N, *out_shape, T) or None
        Of sigma-delta neurons: the sum of what arrived, after the update.
    """

    spikes: SpikeArray
    current: IntArray | None = None
    voltage: IntArray | None = None
    sigma: IntArray | None = None

    def __repr__(self) -> str:
        told = [
            name
            for name in ("spikes", "current", "voltage", "sigma")
            if getattr(self, name) is not None
        ]
        return f"Trace({', '.join(told)} of shape {self.spikes.shape})"


@dataclass(frozen=True, repr=False)
class RunResult(Result):
    """Output of an engine.

    Attributes
    ----------
    spikes : uint8 array (N, *out_shape, T)
        Of the last layer; int32 messages from sigma-delta neurons.
    activity : tuple of LayerActivity
        One per layer, in order; empty from an engine that does not count.
    traces : mapping of layer name to Trace
        For the layers asked for.
    wall_time_s : float
        Time spent computing, start-up excluded.
    network, engine : str
        Their names, where they are known.
    state : {"fresh", "carried"}
        Whether each sample started at rest, or where the one before had ended
        (:mod:`loihi_sca.engine.windows`).
    """

    spikes: SpikeArray
    activity: tuple[LayerActivity, ...] = ()
    traces: Mapping[str, Trace] = field(default_factory=dict)
    wall_time_s: float = 0.0
    network: str = ""
    engine: str = ""
    state: str = "fresh"

    @property
    def samples(self) -> int:
        """Number of samples N."""
        return int(self.spikes.shape[0])

    @property
    def timesteps(self) -> int:
        """Number of timesteps T."""
        return int(self.spikes.shape[-1])

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Spikes per output neuron and sample, shape (N, outputs); messages are summed up."""
        flat = self.spikes.reshape(self.samples, -1, self.timesteps)
        counts: npt.NDArray[np.int64] = flat.sum(axis=-1, dtype=np.int64)
        return counts

    def about(self) -> str:
        """Return sizes and spikes in a line."""
        where = [f"{self.network!r}"] if self.network else []
        where += [f"on {self.engine}"] if self.engine else []
        sent = f"{int(np.count_nonzero(self.spikes)):,} output messages"
        if all(layer.graded is None for layer in self.activity):
            sent = f"{int(self.spikes.sum(dtype=np.int64)):,} output spikes"
        carried = ", state carried on from each to the next" if self.state == "carried" else ""
        return (
            f"{' '.join(where)}{': ' if where else ''}{self.samples} samples of {self.timesteps} "
            f"steps{carried}, {times(self.spikes.shape[1:-1])} outputs, "
            f"{sent}, {self.wall_time_s:.2f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """Return counts of every layer; not the spikes."""
        return {
            "schema": 1,
            "network": self.network,
            "engine": self.engine,
            "samples": self.samples,
            "timesteps": self.timesteps,
            "state": self.state,
            "wall_time_s": self.wall_time_s,
            "layers": [a.as_json(self.samples, self.timesteps) for a in self.activity],
        }

    def tables(self) -> list[Table]:
        """Return the counts of every layer."""
        return [activity_table(self.activity, self.samples, self.timesteps, self.about())]


class Prepared(Protocol):
    """A network that is ready to be run, as often as there are data."""

    def run(self, data: npt.NDArray[np.integer[Any]], *, record: Sequence[str] = ()) -> RunResult:
        """Run it on data (N, *in_shape, T)."""


class Engine(Protocol):
    """What makes a network ready, which may take as long as some samples, to be run often.

    Such as :func:`loihi_sca.engine.fast.prepare` and :func:`loihi_sca.engine.reference.prepare`.
    """

    def __call__(self, network: Network, *, schedule: Schedule = "pipelined") -> Prepared:
        """Return the network, ready."""


def check_schedule(schedule: str) -> None:
    """Raise :class:`ConfigError` unless it is one of :data:`Schedule`."""
    check_one_of("schedule", schedule, get_args(Schedule))


def check_one_of(what: str, given: str, allowed: tuple[str, ...]) -> None:
    """Raise :class:`ConfigError` unless something is among what is allowed."""
    if given not in allowed:
        raise ConfigError(f"{what} {given!r}: {' or '.join(allowed)}.")


def check_runnable(network: Network) -> None:
    """Raise :class:`UnsupportedLayer` naming every layer whose dynamics are not defined here."""
    problems = [f"{x.layer}: {x.reason}" for x in undefined_dynamics(network)]
    for layer in network:
        if isinstance(layer, OtherLayer):
            kind = " with complex weights" if "weight/imag" in layer.weights else ""
            problems.append(f"{layer.name}: block type {layer.type!r}{kind}")
        elif isinstance(layer.neuron, OtherNeuron):
            problems.append(f"{layer.name}: neuron type {layer.neuron.type!r}")
        elif layer.neuron is None and not isinstance(layer, Input):
            problems.append(f"{layer.name}: no neuron")
    if problems:
        raise UnsupportedLayer(
            "cannot be simulated exactly, only CUBA and sigma-delta neurons can: "
            + "; ".join(problems),
            "`estimate` can still map it.",
        )


def check_data(network: Network, data: npt.NDArray[Any]) -> IntArray:
    """Return data (N, *data_shape, T) as int32 (N, *in_shape, T), or raise :class:`InputError`.

    See :func:`check_shape`, :func:`check_values` and :func:`with_constant`, which take less memory
    one after the other.
    """
    values = check_values(network, check_shape(network, data))
    return with_constant(network, values).astype(np.int32)


def with_constant(
    network: Network, values: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.integer[Any]]:
    """Return data (N, *data_shape, T) with the constant channel, if the network takes one."""
    first = network.layers[0]
    if not isinstance(first, Input) or not first.constant:
        return values
    kind = np.result_type(values.dtype, np.min_scalar_type(first.always))
    one = np.full_like(values[:, :1], first.always, dtype=kind)
    return np.concatenate([values, one], axis=1)


def check_shape(network: Network, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return data (N, *data_shape, T) as an array, or raise :class:`InputError`.

    The values are not looked at, so that a memory map is not read. Any arrangement of axes with
    the right number of values per step is refused, not guessed.
    """
    array = np.asarray(data)
    shape = network.data_shape
    if array.ndim != len(shape) + 2 or array.shape[1:-1] != shape:
        raise InputError(
            f"network {network.name!r} takes data of shape (N, {', '.join(map(str, shape))}, T), "
            f"got {array.shape}. {way_out(array.shape, shape)}".rstrip()
        )
    if array.size == 0:
        raise InputError(f"the data are empty: shape {array.shape}.")
    return array


def check_values(network: Network, array: npt.NDArray[Any]) -> npt.NDArray[np.integer[Any]]:
    """Return some samples as integers of whatever width, or raise :class:`InputError`.

    Binary unless the first layer is an :class:`Input` with a neuron, whose values are bias
    mantissas or, of a Delta, in 1/64; without it a sigma-delta network takes messages. Floats pass
    if they are whole numbers.
    """
    if array.dtype.kind == "f" and bool(np.all(np.isfinite(array) & (array == np.rint(array)))):
        # what int64 cannot hold is far out of range either way
        array = np.clip(array, -(1 << 62), 1 << 62).astype(np.int64)
    if array.dtype.kind not in "biu":
        raise InputError(
            f"spikes must be integers, got {array.dtype} with non-integer values. "
            "Encode the data first (loihi_sca.data.encoders)."
        )
    low, high, kind = _allowed(network)
    lowest, highest = int(array.min()), int(array.max())
    if lowest < low or highest > high:
        raise InputError(
            f"input values span {lowest} to {highest}, allowed is {low} to {high} ({kind}). "
            f"{_about(lowest, high)}"
        )
    return array


def _allowed(network: Network) -> tuple[int, int, str]:
    """Return the least and the largest input value, and what it is."""
    driven = isinstance(network.layers[0], Input) and network.layers[0].neuron is not None
    if network.is_graded and driven:
        return -MAX_VALUE, MAX_VALUE, "values of a Delta, 64 for 1.0"
    if network.is_graded:
        return 1 - STATE_LIMIT, STATE_LIMIT - 1, "messages, 4096 for 1.0"
    return (MIN_BIAS, MAX_BIAS, "bias mantissas") if driven else (0, 1, "binary spikes")


def _about(lowest: int, high: int) -> str:
    """Say what values beyond the range probably are, and what to do."""
    if high > 1:
        return "Scale the values down; the chip holds no larger ones."
    if lowest < 0:
        return "Signs of events belong into channels, one for each polarity."
    return (
        "A spike is there or not. Clip counts, as of several events in one step, to 1 "
        '(numpy.minimum(x, 1), data.counts = "clip"), which loses some; or take more and shorter '
        "timesteps. Pixel values become spikes by loihi_sca.data.encoders."
    )
