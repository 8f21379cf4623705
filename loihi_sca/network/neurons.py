"""Neurons of the integer network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from loihi_sca.network.fixed_point import MAX_DECAY
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
            object.__setattr__(self, name, decay if np.ndim(value) else int(decay[0]))
        check_whole("Cuba", "threshold", self.threshold, low=0)


@dataclass(frozen=True, eq=False, repr=False)
class OtherNeuron(Node):
    """A neuron that can be mapped (it costs resources) but is not simulated or compiled.

    Attributes
    ----------
    type : str
        Its name in the netx file, for example ``SDNN``.
    parameters : mapping of str to int, float or array
        Whatever the file says about it, untouched.
    """

    type: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


Neuron: TypeAlias = Cuba | OtherNeuron
