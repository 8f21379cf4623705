"""Which way a layer is computed: over its events, or densely.

The choice depends on sizes, weights, the number of spikes and who made the processor, never on a
clock, so that a run which is resumed makes the same choices. The densities up to which events pay
were measured by ``scripts/bench/events.py``, which prints them beside those chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch

from loihi_sca.processor import vendor
from loihi_sca.slayer.dynamics.events.bits import Bits
from loihi_sca.slayer.dynamics.events.geometry import Geometry

SMALL = 1 << 15
"""Values below which finding spikes takes longer than any way of summing them."""

_on: ContextVar[bool] = ContextVar("event_driven", default=True)


class Crossover(NamedTuple):
    """The density at which both ways take the same time.

    Attributes
    ----------
    wide, narrow, thin : float
        For layers of at least 64 channels on either side, of at least 32, and of at least 16; with
        fewer, vectors are not filled and little is won.
    per_output : float
        Over the number of outputs of a channel, subtracted: each weight is brought to its place
        once for all of them.
    """

    wide: float
    narrow: float
    thin: float
    per_output: float

    def density(self, geometry: Geometry) -> float:
        """Return the density for a layer; not above 0 if events never pay."""
        g = geometry
        channels = min(g.in_c, g.out_c)
        limits = ((64, self.wide), (32, self.narrow), (16, self.thin))
        limit = next((limit for least, limit in limits if channels >= least), 0.0)
        return limit - self.per_output / max(g.images * g.out_h * g.out_w, 1)


class Way(NamedTuple):
    """The crossovers of a direction: of windows, and of single places, whose dense way is faster.

    Attributes
    ----------
    window : Crossover
        Of convolutions.
    product : Crossover
        Of dense layers, and of convolutions 1x1.
    """

    window: Crossover
    product: Crossover

    def of(self, geometry: Geometry) -> Crossover:
        """Return the crossover of a layer."""
        return self.window if geometry.kernel_y * geometry.kernel_x > 1 else self.product

    def pays(self, bits: Bits, geometry: Geometry) -> bool:
        """Tell whether sums over events are faster for spikes of a layer."""
        return bits.density < self.of(geometry).density(geometry)


class Measured(NamedTuple):
    """The crossovers of both directions on a kind of processor.

    Attributes
    ----------
    forward, gradient : Way
        Of the weighted spikes, and of the gradient of the weights.
    """

    forward: Way
    gradient: Way


MEASURED = {
    "AuthenticAMD": Measured(
        Way(Crossover(0.7, 0.5, 0.0, 40), Crossover(0.7, 0.0, 0.0, 100)),
        Way(Crossover(0.5, 0.4, 0.25, 40), Crossover(0.4, 0.0, 0.0, 26)),
    ),
    # torch's dense ways are about twice as fast here
    "GenuineIntel": Measured(
        Way(Crossover(0.5, 0.0, 0.0, 40), Crossover(0.3, 0.0, 0.0, 26)),
        Way(Crossover(0.4, 0.4, 0.0, 40), Crossover(0.3, 0.0, 0.0, 50)),
    ),
}
"""By the name that a processor's maker has for itself; other makers' count as the first's."""

FORWARD, GRADIENT = MEASURED.get(vendor() or "", MEASURED["AuthenticAMD"])


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


def may_pay(values: torch.Tensor, geometry: Geometry) -> bool:
    """Tell whether it is worth looking for spikes in the values that a synapse is given."""
    return (
        _on.get()
        and values.device.type == "cpu"
        and values.dtype == torch.float32
        and values.numel() >= SMALL
        and any(way.of(geometry).density(geometry) > 0 for way in (FORWARD, GRADIENT))
    )


def pays(bits: Bits, geometry: Geometry) -> bool:
    """Tell whether sums over events are faster in either direction."""
    return FORWARD.pays(bits, geometry) or GRADIENT.pays(bits, geometry)
