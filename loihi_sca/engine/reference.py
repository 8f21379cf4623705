"""The reference engine: the definition of what a network does, in readable numpy.

Every other engine is tested against this file. A timestep of a layer has three phases, one
function each: spikes arrive (:func:`arrivals`), synapses weigh them (:func:`accumulate`), neurons
integrate and spike (:func:`update`). Neurons of the sigma-delta family send messages instead of
spikes, and are defined in :mod:`loihi_sca.engine.reference_graded`; resonators in
:mod:`loihi_sca.engine.reference_resonator`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.delays import later, later_by_channel
from loihi_sca.engine.reference_graded import count, run_neurons
from loihi_sca.engine.reference_resonator import resonate
from loihi_sca.engine.result import (
    RunResult,
    Schedule,
    Trace,
    check_data,
    check_runnable,
    check_schedule,
)
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Graded,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Recurrent,
    Resonator,
    Window,
)
from loihi_sca.network.activity import GradedActivity, LayerActivity
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY, STATE_LIMIT
from loihi_sca.network.wiring import Link

WideArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """A network with its schedule: the definition needs no other preparation."""

    network: Network
    schedule: Schedule

    def run(self, data: npt.NDArray[np.integer[Any]], *, record: Sequence[str] = ()) -> RunResult:
        """Run it; see :func:`run`."""
        return run(self.network, data, schedule=self.schedule, record=record)


def prepare(network: Network, *, schedule: Schedule = "pipelined") -> Prepared:
    """Make a network ready to be run often, as the fast engine does.

    Raises
    ------
    ConfigError
        There is no such schedule.
    UnsupportedLayer
        The network has a neuron whose dynamics are not defined here.
    """
    check_schedule(schedule)
    check_runnable(network)
    return Prepared(network, schedule)


def run(
    network: Network,
    data: npt.NDArray[np.integer[Any]],
    *,
    schedule: Schedule = "pipelined",
    record: Sequence[str] = (),
) -> RunResult:
    """Run a network.

    Parameters
    ----------
    network : Network
        Its neurons must all be CUBA, or all of the sigma-delta family.
    data : int array (N, *in_shape, T)
        Binary spikes, or bias mantissas where the first layer is an Input with a neuron. Of a
        sigma-delta network values in 1/64 where it begins with a Delta, else messages.
    schedule : {"pipelined", "cold"}
        See :data:`loihi_sca.engine.result.Schedule`.
    record : sequence of str
        Names of layers whose spikes, currents and voltages are returned step by step.

    Raises
    ------
    ConfigError
        There is no such schedule.
    UnsupportedLayer
        The network has a neuron whose dynamics are not defined here.
    InputError
        The data do not fit.
    """
    check_schedule(schedule)
    check_runnable(network)
    spikes = check_data(network, data)
    started = time.perf_counter()
    activity, traces = [], {}
    sent: dict[int | None, IntArray] = {None: spikes}
    wiring = network.wiring
    for index, layer in enumerate(network):
        arriving = [arrivals(link, sent[link.source], schedule) for link in wiring.links[index]]
        layer_activity, trace = _run_layer(layer, arriving, network.is_graded)
        activity.append(layer_activity)
        if layer.name in record:
            traces[layer.name] = trace
        sent[index] = trace.spikes.astype(np.int32)
        for done in wiring.ended[index]:
            del sent[done]
    elapsed = time.perf_counter() - started
    return RunResult(trace.spikes, tuple(activity), traces, elapsed)


def arrivals(link: Link, spikes: IntArray, schedule: Schedule) -> IntArray:
    """Return spikes (N, *in_shape, T) at the time at which they arrive at a table of synapses.

    Pipelined, a layer's time is local: it starts when the first spike can arrive. Cold, all layers
    share one clock, and a spike needs one step to cross a synapse layer. Either way spikes on a
    shorter way than another to the same neurons are held back, so that what was sent in the same
    local step adds up.
    """
    crosses_synapses = not isinstance(link.table, Input)
    late = min(1 + link.hold, spikes.shape[-1])
    return later(spikes, late) if schedule == "cold" and crosses_synapses else spikes


def accumulate(layer: Layer, spikes: IntArray, t: int) -> WideArray:
    """Return the weighted sum ``z`` (N, *out_shape) that arrives at each neuron at timestep ``t``.

    ``spikes`` is (N, *in_shape, T); only a dense layer with delays looks further back than ``t``.
    """
    now = spikes[..., t].astype(np.int64)
    if isinstance(layer, Conv):
        return _slide(layer, layer.weight, layer.groups, now)
    if isinstance(layer, Pool):
        channels = layer.out_channels
        depthwise = np.broadcast_to(layer.weight, (channels, 1, *layer.kernel))
        return _slide(layer, depthwise, channels, now)
    if isinstance(layer, Dense) and layer.delay is None:
        return now.reshape(len(now), -1) @ layer.weight.T.astype(np.int64)
    if isinstance(layer, Dense):
        return _accumulate_delayed(layer, spikes, t)
    return np.zeros((len(now), *layer.out_shape), dtype=np.int64)


def feed_back(layer: Recurrent, spikes: npt.NDArray[np.bool_]) -> WideArray:
    """Return what a layer's own spikes (N, N_out) add to the next step's sums (N, N_out)."""
    return spikes.astype(np.int64) @ layer.feedback.T.astype(np.int64)


class State(NamedTuple):
    """Current and voltage of a layer after an update, with what did not fit into 24 bit."""

    spikes: npt.NDArray[np.bool_]
    u: WideArray
    v: WideArray
    unwrapped_u: WideArray
    unclipped_v: WideArray


def update(neuron: Cuba, u: WideArray, v: WideArray, z: WideArray, bias: WideArray) -> State:
    """Advance neurons by one timestep; all arrays broadcast to (N, *out_shape).

    The returned voltage is that before the reset: where a neuron spiked, the next step starts
    from zero.
    """
    unwrapped_u = _decayed(u, neuron.current_decay) + ALIGN * z
    u = _wrapped(unwrapped_u)
    unclipped_v = _decayed(v, neuron.voltage_decay) + u + ALIGN * bias
    v = np.clip(unclipped_v, -(STATE_LIMIT - 1), STATE_LIMIT - 1)
    return State(v > ALIGN * neuron.threshold, u, v, unwrapped_u, unclipped_v)


def accumulate_all(layer: Layer, arriving: Sequence[IntArray], t: int) -> WideArray:
    """Return what all tables of a layer make of what arrives at each of them at timestep ``t``."""
    own, *added = (accumulate(x, s, t) for x, s in zip(layer.tables, arriving, strict=True))
    return sum(added, own)


def _run_layer(
    layer: Layer, arriving: Sequence[IntArray], is_graded: bool
) -> tuple[LayerActivity, Trace]:
    """Run one layer over all its timesteps; ``arriving`` are (N, *in_shape, T), one per table."""
    neuron, data = layer.neuron, arriving[0]
    bias = _bias(layer, data)
    if isinstance(neuron, Graded):
        sums = (accumulate_all(layer, arriving, t) for t in range(data.shape[-1]))
        messages, sigma, wraps = run_neurons(layer, neuron, sums, bias.astype(np.int32))
        sent = later_by_channel(messages, layer.axon_delay)
        return _activity(layer, arriving, sent, count(sent, sigma, wraps)), Trace(sent, sigma=sigma)
    if isinstance(layer, ComplexDense) and isinstance(neuron, Resonator):
        trace, counts = resonate(layer, neuron, data)
        sent = later_by_channel(trace.spikes.astype(np.int32), layer.axon_delay)
        trace = replace(trace, spikes=sent.astype(np.uint8))
        return _activity(layer, arriving, sent, **counts), trace
    if not isinstance(neuron, Cuba):  # an Input that only names a shape
        spikes = data if is_graded else data.astype(np.uint8)
        return _activity(layer, arriving, data), Trace(spikes)

    u = v = np.zeros((len(data), *layer.out_shape), dtype=np.int64)
    history: list[State] = []
    for t in range(data.shape[-1]):
        z = accumulate_all(layer, arriving, t)
        if isinstance(layer, Recurrent) and history:
            z = z + feed_back(layer, history[-1].spikes)
        state = update(neuron, u, v, z, bias[..., t])
        u, v = state.u, np.where(state.spikes, 0, state.v)
        history.append(state)

    spikes, u, v, unwrapped_u, unclipped_v = (
        np.stack(x, axis=-1) for x in zip(*history, strict=True)
    )
    sent = later_by_channel(spikes.astype(np.int32), layer.axon_delay)
    activity = _activity(
        layer,
        arriving,
        sent,
        returning=int(np.count_nonzero(spikes[..., :-1])) if isinstance(layer, Recurrent) else 0,
        peak_current=int(np.abs(unwrapped_u).max()),
        current_wraps=int(np.count_nonzero(unwrapped_u != u)),
        voltage_saturations=int(np.count_nonzero(unclipped_v != v)),
    )
    return activity, Trace(sent.astype(np.uint8), u.astype(np.int32), v.astype(np.int32))


def _activity(
    layer: Layer,
    arriving: Sequence[IntArray],
    sent: IntArray,
    graded: GradedActivity | None = None,
    returning: int = 0,
    **peaks: int,
) -> LayerActivity:
    """Count; ``returning`` are the spikes of the layer that come back to all of its neurons."""
    per_table = zip(layer.tables, arriving, strict=True)
    runs = layer.neuron is not None
    return LayerActivity(
        name=layer.name,
        neurons=layer.neurons if runs else 0,
        outputs=layer.neurons,
        spikes=int(np.count_nonzero(sent)),
        synops=sum(_synops(table, spikes) for table, spikes in per_table)
        + returning * layer.neurons,
        updates=sent.size if runs else 0,
        graded=graded,
        **{"peak_current": 0, "current_wraps": 0, "voltage_saturations": 0, **peaks},
    )


def _synops(table: Layer, arriving: IntArray) -> int:
    per_position = np.count_nonzero(arriving, axis=(0, -1))
    return int(per_position.ravel() @ table.fan_out().ravel())


def _bias(layer: Layer, data: IntArray) -> WideArray:
    """Return the bias mantissa, broadcastable to (N, *out_shape, T)."""
    if isinstance(layer, Input):
        return data.astype(np.int64)
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    if bias is None:
        bias = np.zeros(layer.out_shape[0], dtype=np.int32)
    per_channel = bias.astype(np.int64).reshape(-1, *[1] * len(layer.out_shape))
    return np.broadcast_to(per_channel, (*per_channel.shape[:-1], data.shape[-1]))


def _decayed(state: WideArray, decay: int | IntArray) -> WideArray:
    """Return ``trunc(state (4096 - decay) / 4096)``, towards zero."""
    if isinstance(decay, np.ndarray):
        decay = decay.reshape(-1, *[1] * (state.ndim - 2))
    kept: WideArray = np.sign(state) * ((np.abs(state) * (MAX_DECAY - decay)) // MAX_DECAY)
    return kept


def _wrapped(u: WideArray) -> WideArray:
    """Wrap to 24 bit: the largest positive value stays, the largest negative one becomes it."""
    return STATE_LIMIT - (STATE_LIMIT - u) % (2 * STATE_LIMIT)


def _slide(layer: Window, weight: IntArray, groups: int, spikes: WideArray) -> WideArray:
    """Cross-correlate spikes (N, C, H, W) with weight (C_out, C / groups, Kh, Kw), tap by tap."""
    samples = len(spikes)
    (pad_y, pad_x), (out_y, out_x) = layer.padding, layer.out_shape[1:]
    padded = np.pad(spikes, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    padded = padded.reshape(samples, groups, -1, *padded.shape[2:])
    grouped_weight = weight.astype(np.int64).reshape(groups, -1, *weight.shape[1:])
    z = np.zeros((samples, groups, grouped_weight.shape[1], out_y, out_x), dtype=np.int64)
    for ky in range(layer.kernel[0]):
        for kx in range(layer.kernel[1]):
            rows = ky * layer.dilation[0] + layer.stride[0] * np.arange(out_y)
            columns = kx * layer.dilation[1] + layer.stride[1] * np.arange(out_x)
            seen = padded[..., rows[:, None], columns]
            z += np.einsum("goi,ngiyx->ngoyx", grouped_weight[..., ky, kx], seen)
    return z.reshape(samples, *layer.out_shape)


def _accumulate_delayed(layer: Dense, spikes: IntArray, t: int) -> WideArray:
    """Sum, for every delay that occurs, the synapses of that delay over the spikes of back then."""
    assert layer.delay is not None  # noqa: S101
    flat = spikes.reshape(len(spikes), -1, spikes.shape[-1]).astype(np.int64)
    z = np.zeros((len(spikes), *layer.out_shape), dtype=np.int64)
    for delay in np.unique(layer.delay[layer.delay <= t]):
        weight = np.where(layer.delay == delay, layer.weight, 0).astype(np.int64)
        z += flat[..., t - delay] @ weight.T
    return z
