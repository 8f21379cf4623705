"""What a layer did in a run, counted: engines write it, cost models read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerActivity:
    """What one layer did in a whole run, summed over samples and timesteps.

    Attributes
    ----------
    name : str
        The layer.
    neurons : int
        Its number of neurons.
    spikes : int
        Spikes it sent.
    synops : int
        Synaptic operations it received, through the real connectivity.
    updates : int
        Neuron updates, one per neuron and timestep.
    peak_current : int
        Largest ``|u|`` before wrapping.
    current_wraps : int
        How often a current left the 24-bit range and wrapped.
    voltage_saturations : int
        How often a voltage was clipped to the 24-bit range.
    """

    name: str
    neurons: int
    spikes: int
    synops: int
    updates: int
    peak_current: int
    current_wraps: int
    voltage_saturations: int
