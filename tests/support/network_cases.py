"""One generator per kind of network, and with it the input that is hardest on it.

``from network_cases import KINDS, cases``: what the hypothesis tests and the campaign of
``scripts/bench/differential.py`` draw from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st
from network_strategies import (
    THRESHOLDS,
    WEIGHT_SCALES,
    data_for,
    draw_integers,
    graded_networks,
    networks,
    neurons,
    residual_networks,
    video_for,
)

from loihi_sca import netx
from loihi_sca.compiler.passes.repair_weights import repair_weights
from loihi_sca.compiler.pipeline import PASSES, PASSES_UNROLLING, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.engine import reference
from loihi_sca.engine.lava_start import check_start
from loihi_sca.engine.result import Schedule
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import ComplexDense, Dense, Layer, Network, Recurrent, Resonator
from loihi_sca.network.fixed_point import (
    MAX_BIAS,
    MAX_DECAY,
    MAX_VALUE,
    MIN_BIAS,
    STATE_LIMIT,
)

BOTH: tuple[Schedule, ...] = ("pipelined", "cold")

LAVA_S = 900
"""For a network on Lava, on a machine that does much else: its start alone can take minutes."""

EXTREMES = ("ones", "silence", "one spike", "saturating")
"""What :func:`extremes` gives, in this order."""


class Case(NamedTuple):
    """A network, data (N, *in_shape, T) of which the last samples are extreme, a schedule."""

    network: Network
    data: npt.NDArray[np.integer[Any]]
    schedule: Schedule


@st.composite
def recurrent_networks(draw: Any, **limits: Any) -> Network:
    """Draw a chain with at least one recurrent layer; the limits are those of ``networks``."""
    chain: Network = draw(networks(**limits))
    if any(isinstance(layer, Recurrent) for layer in chain):
        return chain
    scale = draw(st.sampled_from(WEIGHT_SCALES[limits.get("weights", "wild")]))
    shape, outputs = chain.out_shape, draw(st.sampled_from([1, 3, 17, 65]))
    weight = draw_integers(draw, (outputs, int(np.prod(shape))), scale)
    feedback = draw_integers(draw, (outputs, outputs), scale)
    neuron = draw(neurons(outputs, limits.get("per_channel", True)))
    ring = Recurrent("ring", shape, weight, feedback=feedback, neuron=neuron)
    return chain.replace(layers=(*chain.layers, ring))


@st.composite
def resonators(draw: Any, outputs: int) -> Resonator:
    """Draw resonators that turn and shrink, or whose mantissas are any."""
    each = outputs if draw(st.booleans()) else 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        angle, left = rng.uniform(0.001, np.pi / 2, each), rng.uniform(0.5, 0.9995, each)
        sin = np.maximum((np.sin(angle) * left * MAX_DECAY).astype(int), 1)
        cos = (np.cos(angle) * left * MAX_DECAY).astype(int)
    else:
        sin = draw(st.sampled_from([1, 2287, MAX_DECAY - 1, MAX_DECAY]))
        cos = draw(st.sampled_from([0, 1, 3148, MAX_DECAY - 1, MAX_DECAY]))
    return Resonator(sin, cos, draw(st.sampled_from(THRESHOLDS)), draw(st.booleans()))


@st.composite
def resonator_networks(draw: Any, *, weights: str = "wild", axon_delays: bool = True) -> Network:
    """Draw dense layers with complex weights and resonators, some plain ones among them."""
    shape = draw(st.sampled_from([(1,), (7,), (70,), (2, 3, 2)]))
    count = draw(st.integers(1, 3))
    resonating = draw(st.integers(0, count - 1))
    chain: list[Layer] = []
    for index in range(count):
        size = (draw(st.sampled_from([1, 5, 33, 80])), int(np.prod(shape)))
        scale = draw(st.sampled_from(WEIGHT_SCALES[weights]))
        more: dict[str, Any] = {}
        if axon_delays and draw(st.integers(0, 3)) == 0:
            more["axon_delay"] = np.abs(draw_integers(draw, size[:1], 6))
        name, weight = f"layer{index}", draw_integers(draw, size, scale)
        if index != resonating and draw(st.integers(0, 2)) == 0:
            chain.append(Dense(name, shape, weight, neuron=draw(neurons(size[0])), **more))
        else:
            imag, neuron = draw_integers(draw, size, scale), draw(resonators(size[0]))
            chain.append(ComplexDense(name, shape, weight, imag, neuron=neuron, **more))
        shape = chain[-1].out_shape
    return Network("drawn", tuple(chain))


@dataclass(frozen=True)
class Kind:
    """Networks of a kind: any, and those that Lava runs exactly, on the schedules it has."""

    networks: st.SearchStrategy[Network]
    on_lava: st.SearchStrategy[Network]
    lava_schedules: tuple[Schedule, ...] = BOTH


@st.composite
def _for_lava(draw: Any, drawn: st.SearchStrategy[Network], passes: Any) -> Network:
    """Draw a network lowered to what a file holds, and to what Lava runs exactly."""
    compiled = run_passes(draw(drawn), passes).network
    assume(compiled.synapse_layers and not find_problems(compiled))
    if compiled.wiring.is_chain:
        try:
            netx.require_loadable(compiled)
        except UnsupportedLayer:
            assume(False)
    return compiled


_LAVA: dict[str, Any] = {"weights": "chip", "axon_delays": False}

KINDS = {
    "cuba": Kind(
        networks(recurrent=False),
        _for_lava(networks(weights="chip", per_channel=False, recurrent=False), PASSES_UNROLLING),
    ),
    "recurrent": Kind(
        recurrent_networks(),
        _for_lava(recurrent_networks(**_LAVA, inputs="shape", delays=False), (repair_weights,)),
        ("cold",),  # pipelined, Lava spikes early where there are biases
    ),
    "resonator": Kind(resonator_networks(), _for_lava(resonator_networks(**_LAVA), ())),
    "residual": Kind(
        residual_networks(),
        _for_lava(
            residual_networks(**_LAVA, per_channel=False, recurrent=False, delays=False), PASSES
        ).filter(lambda network: not network.wiring.is_chain),
    ),
    "sigma-delta": Kind(
        graded_networks(pools=True),
        _for_lava(graded_networks(**_LAVA), (repair_weights,)),
        ("cold",),
    ),
}
"""Every kind of network that the engines run."""


@st.composite
def cases(draw: Any, kind: str, for_lava: bool = False) -> Case:
    """Draw a network of a kind, data with every extreme among them, and a schedule."""
    about = KINDS[kind]
    network: Network = draw(about.on_lava if for_lava else about.networks)
    limits: dict[str, Any] = {"most_samples": 1 if for_lava else 3}
    limits["most_steps"] = 12 if for_lava else draw(st.sampled_from([1, 12, 12, 70]))
    if network.is_graded:
        data = draw(video_for(network, **limits, large=not for_lava))
    else:
        data = draw(data_for(network, **limits))
    where = draw(st.integers(0, 2**16))
    mild = for_lava and network.is_graded  # Lava computes messages in 32 bits
    hard = extremes(network, data.shape[-1], where, largest=64 if mild else None)
    schedule = draw(st.sampled_from(about.lava_schedules if for_lava else BOTH))
    case = Case(network, np.concatenate([data, hard]).astype(np.int32), schedule)
    return _on_lava(case) if for_lava else case


def _on_lava(case: Case) -> Case:
    """Return a case as Lava can run it, and as it is worth the time: silence proves little."""
    if any(map(spikes_at_rest, case.network)) or starts_early(case.network):
        case = case._replace(schedule="cold")
    network, data, schedule = case
    assume(reference.run(network, data, schedule=schedule).spikes.any())
    return case


def starts_early(network: Network) -> bool:
    """Tell whether Lava would carry what is sent before the first input into a window."""
    try:
        check_start(network)
    except UnsupportedLayer:
        return True
    return False


def spikes_at_rest(layer: Layer) -> bool:
    """At a threshold of 0 Izhikevich's spike at rest, and Lava does not reset who hears that."""
    neuron = layer.neuron
    return isinstance(neuron, Resonator) and neuron.izhikevich and not np.all(neuron.threshold)


def extremes(
    network: Network, steps: int, where: int, largest: int | None = None
) -> npt.NDArray[np.int32]:
    """Return (4, *in_shape, T): one at each input and step, none, one alone, what saturates most.

    Where values enter, "one" is the largest, and what saturates goes to and fro between the ends.
    """
    low, high = _ends(network, largest)
    found = np.zeros((len(EXTREMES), *network.in_shape, steps), dtype=np.int32)
    found[0] = high
    alone = found[2].reshape(-1)
    alone[where % alone.size] = high
    if low < 0:
        found[3, ..., ::2], found[3, ..., 1::2] = high, low
    else:
        found[3] = excites(network.synapse_layers[0]).reshape(network.in_shape)[..., None]
    return found


def excites(layer: Layer) -> npt.NDArray[np.bool_]:
    """Tell which inputs, shape ``in_shape``, drive the first output of a layer upwards."""
    weight = layer.real if isinstance(layer, ComplexDense) else layer.weight  # type: ignore
    if isinstance(layer, Dense | ComplexDense):
        return (weight[0] > 0).reshape(layer.in_shape)
    found = np.ones(layer.in_shape, dtype=bool)
    if weight.ndim == 4:  # a convolution; a pool has one sign for all channels
        found[: weight.shape[1]] = (weight[0].sum(axis=(1, 2)) > 0)[:, None, None]
    return found


def _ends(network: Network, largest: int | None) -> tuple[int, int]:
    """Return the least and the largest value that may enter a network."""
    if network.is_graded:
        most = MAX_VALUE if network.takes_mantissas else STATE_LIMIT - 1
        most = min(most, largest or most)
        return -most, most
    return (MIN_BIAS, MAX_BIAS) if network.takes_mantissas else (0, 1)
