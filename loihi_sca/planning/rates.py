"""How busy a network is taken to be before it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_RATE = 0.1
"""Spikes per neuron and step, where nothing is known."""


@dataclass(frozen=True)
class Rates:
    """How busy a network is.

    Attributes
    ----------
    timesteps : int
        Steps per sample.
    by_layer : mapping of str to float
        Spikes per neuron and step of layers that are known; ``input`` is what comes in.
    otherwise : float
        Of all others.
    """

    timesteps: int = 1
    by_layer: Mapping[str, float] = field(default_factory=dict)
    otherwise: float = DEFAULT_RATE

    def per_sample(self, layer: str) -> float:
        """Return spikes per neuron and sample."""
        return self.timesteps * self.by_layer.get(layer, self.otherwise)
