"""Which way a layer is computed: over its events, or densely.

The choice depends on sizes, weights and the number of spikes alone, never on a clock, so that a
run which is resumed makes the same choices. The densities up to which events pay were measured by
``scripts/bench/events.py``, which fits the figures below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch

from loihi_sca.slayer.dynamics.events.bits import Bits
from loihi_sca.slayer.dynamics.events.geometry import Geometry

SMALL = 1 << 14
"""Values below which finding spikes takes longer than any way of summing them."""

_on: ContextVar[bool] = ContextVar("event_driven", default=True)


class Crossover(NamedTuple):
    """The density at which both ways take the same time.

    ``limit - per_fan_out / fan_out - per_fan_in / fan_in - per_output / outputs``: each spike is
    found once for all that it reaches, each sum is begun once for all that it sums, and each weight
    is brought to its place once for all outputs of its channel.
    """

    limit: float
    per_fan_out: float
    per_fan_in: float
    per_output: float

    def density(self, geometry: Geometry) -> float:
        """Return the density for a layer; not above 0 if events never pay."""
        g = geometry
        window, outputs = g.kernel_y * g.kernel_x, g.images * g.out_h * g.out_w
        fan_in = window * g.in_c
        fan_out = window * g.out_c * outputs / max(g.images * g.in_h * g.in_w, 1)
        terms = ((self.per_fan_out, fan_out), (self.per_fan_in, fan_in), (self.per_output, outputs))
        return self.limit - sum(share / max(count, 1) for share, count in terms)


class Way(NamedTuple):
    """The crossovers of a direction: of convolutions, and of dense layers, whose way is faster."""

    convolution: Crossover
    product: Crossover

    def of(self, geometry: Geometry) -> Crossover:
        """Return the crossover of a layer."""
        is_map = geometry.in_h * geometry.in_w > 1
        return self.convolution if is_map else self.product

    def pays(self, bits: Bits, geometry: Geometry) -> bool:
        """Tell whether sums over events are faster for spikes of a layer."""
        return bits.density < self.of(geometry).density(geometry)


FORWARD = Way(Crossover(0.32, 30, 10, 40), Crossover(0.3, 0, 0, 120))
GRADIENT = Way(Crossover(0.37, 20, 15, 40), Crossover(0.27, 0, 0, 72))


@contextmanager
def event_driven(on: bool) -> Iterator[None]:
    """Say whether forward passes in this context may compute synapses over their events.

    Their backward passes go the same way. By default they may.
    """
    token = _on.set(on)
    try:
        yield
    finally:
        _on.reset(token)


def may_pack(values: torch.Tensor, out_channels: int) -> bool:
    """Tell whether it is worth looking for spikes in the values that a synapse is given."""
    return (
        _on.get()
        and values.device.type == "cpu"
        and values.dtype == torch.float32
        and values.numel() >= SMALL
        and out_channels >= 8  # fewer do not fill a vector
    )
