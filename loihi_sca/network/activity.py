"""What a layer did in a run, counted: engines write it, cost models read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loihi_sca.results import add_numbers, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


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
    outputs : int
        Values that it sends per step: of its neurons, or, where it has none, what came in.
    """

    name: str
    neurons: int
    spikes: int
    synops: int
    updates: int
    peak_current: int
    current_wraps: int
    voltage_saturations: int
    outputs: int = 0

    def as_json(self, samples: int, timesteps: int) -> dict[str, Any]:
        """Return the counts, with rates for so many samples of so many steps."""
        sent = self.outputs * samples * timesteps
        return {
            "name": self.name,
            "neurons": self.neurons,
            "spikes": self.spikes,
            "rate": self.spikes / sent if sent else None,
            "synops": self.synops,
            "synops_per_sample": self.synops / samples,
            "peak_current": self.peak_current,
            "current_wraps": self.current_wraps,
            "voltage_saturations": self.voltage_saturations,
        }


def activity_table(
    activity: Iterable[LayerActivity], samples: int, timesteps: int, title: str
) -> Table:
    """Return one row per layer."""
    table = open_table(title, "layer")
    add_numbers(table, "neurons", "spikes", "rate", "synops per sample", "wraps", "saturations")
    for found in activity:
        row = found.as_json(samples, timesteps)
        table.add_row(
            plain(found.name), f"{found.neurons:,}", f"{found.spikes:,}",
            "" if row["rate"] is None else f"{row['rate']:.4f}",
            f"{row['synops_per_sample']:,.0f}", f"{found.current_wraps:,}",
            f"{found.voltage_saturations:,}",
        )  # fmt: skip
    return table
