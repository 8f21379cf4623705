"""What a layer did in a run, counted: engines write it, cost models read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loihi_sca.results import add_numbers, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class GradedActivity:
    """What only a layer that sends messages does.

    Attributes
    ----------
    message_bits : int
        Bits of all its messages, each of as many as its value needs, sign included.
    peak_message, wide_messages : int
        Largest ``|message|``, and how many need more than 16 bits.
    peak_sigma, wide_sigmas : int
        Largest ``|sigma|``, and at how many neurons and timesteps it needs more than 24 bits.
    input_wraps : int
        How often what arrives at a neuron of a convolution left the 24 bits and wrapped.
    """

    message_bits: int = 0
    peak_message: int = 0
    wide_messages: int = 0
    peak_sigma: int = 0
    wide_sigmas: int = 0
    input_wraps: int = 0

    def add(self, more: GradedActivity) -> GradedActivity:
        """Return the activity of two runs together."""
        return GradedActivity(
            self.message_bits + more.message_bits,
            max(self.peak_message, more.peak_message),
            self.wide_messages + more.wide_messages,
            max(self.peak_sigma, more.peak_sigma),
            self.wide_sigmas + more.wide_sigmas,
            self.input_wraps + more.input_wraps,
        )


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
        Spikes it sent, or messages other than zero.
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
    graded : GradedActivity or None
        Of a layer that sends messages. It has no currents and voltages, whose counts are 0.
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
    graded: GradedActivity | None = None

    def add(self, more: LayerActivity) -> LayerActivity:
        """Return the activity of the layer in two runs together."""
        graded = self.graded
        if graded is not None and more.graded is not None:
            graded = graded.add(more.graded)
        return LayerActivity(
            self.name,
            self.neurons,
            self.spikes + more.spikes,
            self.synops + more.synops,
            self.updates + more.updates,
            max(self.peak_current, more.peak_current),
            self.current_wraps + more.current_wraps,
            self.voltage_saturations + more.voltage_saturations,
            self.outputs,
            graded,
        )

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
            **({} if self.graded is None else {"messages": asdict(self.graded)}),
        }


def activity_table(
    activity: Iterable[LayerActivity], samples: int, timesteps: int, title: str
) -> Table:
    """Return one row per layer; of a network that sends messages, with their bits."""
    activity = tuple(activity)
    if any(found.graded is not None for found in activity):
        return _graded_table(activity, samples, timesteps, title)
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


def _graded_table(
    activity: Iterable[LayerActivity], samples: int, timesteps: int, title: str
) -> Table:
    table = open_table(title, "layer")
    columns = ("neurons", "messages", "rate", "bits", "synops per sample")
    add_numbers(table, *columns, "> 16 bit", "> 24 bit", "wraps")
    for found in activity:
        row, graded = found.as_json(samples, timesteps), found.graded or GradedActivity()
        table.add_row(
            plain(found.name), f"{found.neurons:,}", f"{found.spikes:,}",
            "" if row["rate"] is None else f"{row['rate']:.4f}",
            f"{graded.message_bits:,}" if found.graded else "", f"{row['synops_per_sample']:,.0f}",
            f"{graded.wide_messages:,}", f"{graded.wide_sigmas:,}", f"{graded.input_wraps:,}",
        )  # fmt: skip
    table.caption = (
        "bits: of all messages, each of as many as its value needs; messages of more than 16 bits "
        "and sums of more than 24 do not fit a chip; wraps: of what arrives at a convolution"
    )
    return table
