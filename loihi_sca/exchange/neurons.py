"""NIR's neurons as steps in time, by the equations of NIR or by what a tool makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.exchange.float_layers import FloatArray, FloatLayer, Synapses
from loihi_sca.exchange.nir_export import AT_ONCE, FOREVER
from loihi_sca.exchange.nir_graph import NirNode
from loihi_sca.exchange.tools import Tool
from loihi_sca.exchange.values import array_of, per_channel

MAX_STEPS = 1000
"""A longer time constant, in time steps, is taken for seconds read as steps or the like."""

MIN_EXPONENTIAL = 0.1
"""And a shorter one of an exponential, which leaves 1/20000 of a voltage."""

AS_IF_FOREVER = 1e-3
"""So near to :data:`FOREVER` a time constant is the one that we write for none."""


@dataclass(frozen=True)
class Reading:
    """How a graph is read.

    Attributes
    ----------
    tool : Tool
        Whose habits count.
    dt : float
        Seconds per time step.
    zero_reset : bool
        Whether neurons that subtract their threshold are taken as ones that are reset to 0.
    """

    tool: Tool
    dt: float
    zero_reset: bool = False


@dataclass(frozen=True)
class Integrator:
    """An integrator that never spikes: what to multiply its synapses with, and what is left."""

    gain: FloatArray
    left: tuple[float, float]


def read_neuron(node: NirNode, synapses: Synapses, reading: Reading, delay: Any) -> FloatLayer:
    """Return a layer of neurons behind synapses.

    Raises
    ------
    UnsupportedLayer
        It subtracts its threshold, is reset to something else than 0, or has a time constant that
        cannot be one of this time step.
    """
    shape = synapses.out_shape
    subtracts = _subtracts(node, reading)
    gain, current, voltage = _dynamics(node, shape, reading)
    threshold = per_channel(node, "v_threshold", shape)
    if np.any(threshold < 0):
        raise UnsupportedLayer(
            f"{node}: v_threshold is {threshold.min():g}, below 0", "It must be 0 or above."
        )
    leak = np.zeros(shape[0])
    if "v_leak" in node.fields:
        # what the voltage is drawn to, in so far as it is drawn: 1 / FOREVER is as good as not
        leak = per_channel(node, "v_leak", shape) * np.maximum(1 - voltage, 1 / FOREVER)
    return FloatLayer(
        node.name, synapses.scaled(gain), current, voltage, leak, threshold, gain,
        delay, subtracts, reading.tool.fires_at,
    )  # fmt: skip


def read_readout(node: NirNode, reading: Reading) -> Integrator:
    """Return an integrator at the end of a graph, the same for all outputs."""
    if np.any(array_of(node, "v_leak") != 0):
        raise UnsupportedLayer(f"{node}: v_leak is not 0", "The host's read-out has no leak to it.")
    gain, current, voltage = _dynamics(node, (1,), reading)
    return Integrator(gain, (float(current[0]), float(voltage[0])))


def _dynamics(
    node: NirNode, shape: tuple[int, ...], reading: Reading
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return gain of input, share of the current and of the voltage left after a step."""
    tool = reading.tool
    ones = np.ones(shape[0])
    r = ones if tool.unit_resistance and tool.exponential else per_channel(node, "r", shape)
    if node.type == "IF":
        return r * reading.dt, 0 * ones, ones
    if node.type in ("LIF", "LI"):
        steps = _steps(node, "tau", shape, reading)
        return r * _share(steps, tool), 0 * ones, _left(steps, tool)
    membrane, synapse = (_steps(node, key, shape, reading) for key in ("tau_mem", "tau_syn"))
    w_in = per_channel(node, "w_in", shape) if "w_in" in node.fields else ones
    gain = r * _share(membrane, tool) * w_in * _share(synapse, tool)
    return gain, _left(synapse, tool), _left(membrane, tool)


def _steps(node: NirNode, key: str, shape: tuple[int, ...], reading: Reading) -> FloatArray:
    """Return a time constant in time steps."""
    steps = per_channel(node, key, shape) / reading.dt
    if reading.tool.loses_dt:
        steps = steps / reading.dt
    if np.allclose(steps, FOREVER, rtol=AS_IF_FOREVER):
        return np.full(shape[0], np.inf)
    if reading.tool.exponential:
        bad = (steps < MIN_EXPONENTIAL) & ~np.isclose(steps, AT_ONCE) | (steps > MAX_STEPS)
    else:
        bad = (steps < 1 - 1e-6) | (steps > MAX_STEPS)
    if bad.any():
        value, low = float(steps[bad][0]), MIN_EXPONENTIAL if reading.tool.exponential else 1
        raise UnsupportedLayer(
            f"{node}: {key} is {value:.6g} time steps of {reading.dt:g} s, and {low} to "
            f"{MAX_STEPS} is what can be meant",
            "Give another --dt; snnTorch writes seconds at 1e-4, Norse at 1e-3, sinabs time steps "
            "(--from names them).",
        )
    return np.maximum(steps, 1.0) if not reading.tool.exponential else steps


def _share(steps: FloatArray, tool: Tool) -> FloatArray:
    """Return how much of its input one step of Euler takes in."""
    if tool.exponential:
        return np.ones_like(steps)
    return np.where(np.isinf(steps), 1 / FOREVER, 1 / steps)


def _left(steps: FloatArray, tool: Tool) -> FloatArray:
    return np.exp(-1 / steps) if tool.exponential else 1 - 1 / steps


def _subtracts(node: NirNode, reading: Reading) -> bool:
    """Tell whether a neuron subtracts its threshold, as files without ``v_reset`` mean it."""
    if "v_reset" not in node.fields:
        if not reading.zero_reset:
            raise UnsupportedLayer(
                f"{node} has no v_reset, as nir wrote up to 1.0.4: its threshold is subtracted, "
                "while the chip sets the voltage to 0",
                "Take it as such and see how many spikes differ: reset='zero', --reset zero.",
            )
        return True
    reset = array_of(node, "v_reset")
    if np.any(reset != 0):
        raise UnsupportedLayer(
            f"{node}: v_reset is {reset.min():g} to {reset.max():g}, and the chip resets to 0",
            "Train with a reset to 0.",
        )
    return False


def require_dt(tool: Tool, dt: float | None) -> float:
    """Return the time step, given or known.

    Raises
    ------
    ConfigError
        It is neither, or no number of seconds.
    """
    if dt is None and tool.dt is None:
        raise ConfigError(
            "NIR says time constants and not the time step. Give it, --dt 1e-4, or say who wrote "
            "the file: --from snntorch, norse or sinabs."
        )
    found = dt if dt is not None else tool.dt
    if found is None or not (np.isfinite(found) and found > 0):
        raise ConfigError(f"dt is {found}, must be a number of seconds above 0.")
    return float(found)
