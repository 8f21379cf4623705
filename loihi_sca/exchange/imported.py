"""A network from the file of others, and what became of its numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from loihi_sca.network import KnownNetwork
from loihi_sca.results import add_numbers, flat, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table

PAIRS = ("threshold", "current_decay", "voltage_decay")
"""Fields of a change that are two numbers: exact, and taken."""


@dataclass(frozen=True)
class Change:
    """What quantisation did to one layer.

    Attributes
    ----------
    layer : str
    scale : float
        Integer weights per weight of the graph.
    changed_weights, weights : int
        How many were no integers at that scale, of all.
    worst_weight : float
        Largest change of a weight, as a share of the largest weight.
    threshold : (float, int)
        At that scale: exact, and taken.
    worst_bias : float
        Largest change of a bias, as a share of the threshold.
    current_decay, voltage_decay : (float, float)
        In 1/4096: exact and taken, of the channel where they differ most.
    notes : tuple of str
    spikes_differ, spikes : int or None
        Spikes or silences that differ from the graph in floating point, and spikes of the graph, on
        random spikes; None before it is measured.
    """

    layer: str
    scale: float
    changed_weights: int
    weights: int
    worst_weight: float
    threshold: tuple[float, int]
    worst_bias: float
    current_decay: tuple[float, float]
    voltage_decay: tuple[float, float]
    notes: tuple[str, ...] = ()
    spikes_differ: int | None = None
    spikes: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Imported(KnownNetwork):
    """A network that was read from a file of others.

    Attributes
    ----------
    exact : bool
        The file was written by loihi-sca, and this is that network bit for bit.
    dt : float
        Seconds per time step.
    changes : tuple of Change
        One per layer; empty where the network is exact.
    notes : tuple of str
        What a user should know.
    compared : int
        Spikes and silences of the last layer that were compared with the graph in floating point.
    """

    exact: bool = field(default=False, metadata={"digest": False})
    dt: float = field(default=1.0, metadata={"digest": False})
    changes: tuple[Change, ...] = field(default=(), metadata={"digest": False})
    notes: tuple[str, ...] = field(default=(), metadata={"digest": False})
    compared: int = field(default=0, metadata={"digest": False})

    def about(self) -> str:
        """Return the network, and whether it is exact, in a line."""
        how = "as it was written" if self.exact else f"quantised, time step {self.dt:g} s"
        return f"{super().about()}, {how}"

    def as_json(self) -> dict[str, Any]:
        """Return what the network is, and what was changed."""
        return {
            **super().as_json(),
            "exact": self.exact,
            "dt": self.dt,
            "compared": self.compared,
            "changes": [asdict(change) for change in self.changes],
            "notes": list(self.notes),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per layer: what was changed, or what it is where nothing was."""
        if self.exact:
            return super().rows()
        return flat(
            {
                name: dict(zip(("exact", "taken"), value, strict=True)) if name in PAIRS else value
                for name, value in asdict(change).items()
            }
            for change in self.changes
        )

    def tables(self) -> list[Table]:
        """Return the layers, and where numbers were changed what became of them."""
        if self.exact:
            return super().tables()
        table = open_table(self.about(), "layer")
        add_numbers(
            table, "scale", "weights changed", "by up to", "threshold", "current decay",
            "voltage decay", "spikes that differ",
        )  # fmt: skip
        for x in self.changes:
            differ = "" if x.spikes_differ is None else f"{x.spikes_differ:,} of {x.spikes:,}"
            table.add_row(
                plain(x.layer), f"{x.scale:.6g}", f"{x.changed_weights:,} of {x.weights:,}",
                f"{x.worst_weight:.2%}", _became(*x.threshold), _became(*x.current_decay),
                _became(*x.voltage_decay), differ,
            )  # fmt: skip
        if self.compared:
            table.caption = (
                "spikes and silences that differ from the graph in floating point, of its spikes, "
                "on random spikes"
            )
        return [table]


def _became(exact: float, taken: float) -> str:
    return f"{taken:.0f}" if abs(exact - taken) < 5e-4 else f"{exact:.3f} -> {taken:.0f}"
