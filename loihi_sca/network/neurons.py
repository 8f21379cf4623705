"""Neurons of the integer network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from loihi_sca.errors import NetworkError
from loihi_sca.network.fixed_point import MAX_DECAY, MAX_VALUE
from loihi_sca.network.values import IntArray, Node, as_ints, check_whole


@dataclass(frozen=True, eq=False, repr=False)
class Cuba(Node):
    """Current-based leaky integrate-and-fire neuron, hard reset to zero.

    ``u[t] = trunc(u[t-1] (4096 - du) / 4096) + 64 z[t]``,
    ``v[t] = trunc(v[t-1] (4096 - dv) / 4096) + u[t] + 64 bias``,
    ``s[t] = v[t] > 64 threshold``, and ``v[t] = 0`` where it spiked.

    Attributes
    ----------
    current_decay : int or int array (C,)
        ``du`` in 1/4096, 0 to 4096; an array gives one value per channel.
    voltage_decay : int or int array (C,)
        ``dv`` in 1/4096, 0 to 4096.
    threshold : int
        Threshold mantissa, at least 0.
    """

    current_decay: int | IntArray
    voltage_decay: int | IntArray
    threshold: int

    def __post_init__(self) -> None:
        for name in ("current_decay", "voltage_decay"):
            value = getattr(self, name)
            decay = as_ints("Cuba", name, np.atleast_1d(value), low=0, high=MAX_DECAY)
            object.__setattr__(self, name, decay if decay.size > 1 else int(decay[0]))
        check_whole("Cuba", "threshold", self.threshold, low=0)

    @property
    def decays(self) -> tuple[int | IntArray, int | IntArray]:
        """Both."""
        return self.current_decay, self.voltage_decay


@dataclass(frozen=True, eq=False, repr=False)
class Resonator(Node):
    """Resonate-and-fire neuron: a complex state that turns and shrinks, and is kicked by spikes.

    ``re[t] = trunc(cos re[t-1] / 4096) - trunc(sin im[t-1] / 4096) + 64 z_re[t]``,
    ``im[t] = trunc(sin re[t-1] / 4096) + trunc(cos im[t-1] / 4096) + 64 z_im[t]``, both clipped to
    24 bits. It spikes where it comes round, ``re[t] >= 64 threshold`` and ``im[t] >= 0`` and
    ``im[t-1] < 0``, and goes on. Izhikevich's spikes where ``im[t] >= 64 threshold``, and starts
    again from ``re = 0``, ``im = 64 threshold - 1``.

    Attributes
    ----------
    sin_decay, cos_decay : int or int array (N,)
        Sine and cosine of the angle per timestep, times what is left, in 1/4096; an array gives one
        value per neuron. The sine is at least 1.
    threshold : int
        Threshold mantissa, at least 0.
    izhikevich : bool
        Which of the two.
    """

    sin_decay: int | IntArray
    cos_decay: int | IntArray
    threshold: int
    izhikevich: bool = False

    def __post_init__(self) -> None:
        for name, low in (("sin_decay", 1), ("cos_decay", 0)):
            value = np.atleast_1d(getattr(self, name))
            decay = as_ints("Resonator", name, value, low=low, high=MAX_DECAY)
            object.__setattr__(self, name, decay if decay.size > 1 else int(decay[0]))
        check_whole("Resonator", "threshold", self.threshold, low=0)

    @property
    def decays(self) -> tuple[int | IntArray, int | IntArray]:
        """Both."""
        return self.sin_decay, self.cos_decay


@dataclass(frozen=True, eq=False)
class Delta(Node):
    """Delta encoder of an Input: sends by how much a value has changed, once that is enough.

    ``act[t] = 4096 x[t]``, ``d[t] = act[t] - act[t-1] + residue[t-1]``,
    ``y[t] = d[t]`` where ``|d[t]| >= 4096 threshold``, else 0; ``residue[t] = d[t] - y[t]``.
    The message is ``y[t] >> 6``: what the shift rounds off, downwards, is lost.

    Attributes
    ----------
    threshold : int
        In 1/64, as is the value ``x``; at least 0, at which everything is sent.
    """

    threshold: int

    def __post_init__(self) -> None:
        _check_threshold("Delta", self.threshold)


@dataclass(frozen=True, eq=False)
class SigmaDelta(Node):
    """Sigma-delta neuron: sums what arrives, rectifies, and sends changes as :class:`Delta` does.

    ``sigma[t] = sigma[t-1] + z[t]``, ``act[t] = max(sigma[t] + 4096 bias, 0)``, the rest as there.

    Attributes
    ----------
    threshold : int
        In 1/64, as is the bias; at least 0.
    """

    threshold: int

    def __post_init__(self) -> None:
        _check_threshold("SigmaDelta", self.threshold)


@dataclass(frozen=True, eq=False)
class Sigma(Node):
    """Read-out of a sigma-delta network: sends its sum, whole and at every timestep.

    ``sigma[t] = sigma[t-1] + z[t]``, in units of ``2**-18``. It has no bias.
    """


def _check_threshold(owner: str, threshold: int) -> None:
    check_whole(owner, "threshold", threshold, low=0)
    if threshold > MAX_VALUE:
        raise NetworkError(
            f"{owner}: threshold is {threshold}, must be at most {MAX_VALUE}: aligned to the "
            "state it would not fit the 32 bits that Lava computes in."
        )


@dataclass(frozen=True, eq=False, repr=False)
class OtherNeuron(Node):
    """A neuron that can be mapped (it costs resources) but is not simulated or compiled.

    Attributes
    ----------
    type : str
        Its name in the netx file, for example ``ALIF``.
    parameters : mapping of str to int, float or array
        Whatever the file says about it, untouched.
    """

    type: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


Graded: TypeAlias = Delta | SigmaDelta | Sigma
"""Neurons that send messages, integers, where others spike."""

Neuron: TypeAlias = Cuba | Resonator | Graded | OtherNeuron
