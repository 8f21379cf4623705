"""What folding has made of a model, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from loihi_sca.network.fixed_point import MAX_BIAS, MAX_WEIGHT, MIN_BIAS, MIN_WEIGHT
from loihi_sca.results import Result, add_numbers, open_table

if TYPE_CHECKING:
    from rich.table import Table

NAMED = 8
"""Channels that a message lists."""


@dataclass(frozen=True)
class FoldedBlock:
    """What folding has made of a block.

    Attributes
    ----------
    name : str
    threshold : int
        Mantissa; the gain is its ratio to the one before.
    snr_db : float or None
        Variance of the open norm's current over the mean square of what folding changed; None
        without samples, or where nothing arrives.
    cut_weights : dict of int to int
        Channels with weights that 8 bits do not hold, and the mantissa that the largest needs.
    cut_biases : dict of int to int
        Channels whose bias needs more than 13 bits, and the mantissa that it needs.
    constant : tuple of int
        Channels whose current never varied: they keep a bias only.
    """

    name: str
    threshold: int
    snr_db: float | None
    cut_weights: dict[int, int]
    cut_biases: dict[int, int]
    constant: tuple[int, ...]

    def warnings(self) -> Iterator[str]:
        """Yield what does not fit, with the channels."""
        if self.cut_weights:
            yield (
                f"{self.name}: weights of {_listed(self.cut_weights)} go beyond the "
                f"{MIN_WEIGHT}..{MAX_WEIGHT} of 8 bits at threshold {self.threshold}, and are cut"
            )
        if self.cut_biases:
            yield (
                f"{self.name}: biases of {_listed(self.cut_biases)} go beyond the "
                f"{MIN_BIAS}..{MAX_BIAS} of 13 bits, and are cut"
            )
        if self.constant:
            channels = _some([str(channel) for channel in self.constant])
            yield (
                f"{self.name}: the current of channels {channels} never varied; their weights are "
                "0, and their bias stays"
            )


@dataclass(frozen=True, repr=False)
class Folding(Result):
    """What folding has made of a model.

    Attributes
    ----------
    layers : tuple of FoldedBlock
    samples : int
        On which noise was measured.
    accuracy_before, accuracy_after : float or None
        On the validation split, with open and with folded norms.
    """

    layers: tuple[FoldedBlock, ...]
    samples: int = 0
    accuracy_before: float | None = None
    accuracy_after: float | None = None

    def about(self) -> str:
        """Return a line without the name of the class."""
        parts = [f"{len(self.layers)} layers folded"]
        noises = [layer.snr_db for layer in self.layers if layer.snr_db is not None]
        if noises:
            parts.append(f"signal to noise {min(noises):.1f} dB or more")
        if self.accuracy_before is not None and self.accuracy_after is not None:
            parts.append(
                f"validation accuracy {100 * self.accuracy_before:.2f} % before, "
                f"{100 * self.accuracy_after:.2f} % after"
            )
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return asdict(self)

    def tables(self) -> Sequence[Table]:
        """Return the one table."""
        table = open_table("batch norm folded", "layer")
        add_numbers(table, "threshold", "signal to noise, dB", "cut", "constant")
        for layer in self.layers:
            noise = "-" if layer.snr_db is None else f"{layer.snr_db:.1f}"
            cut = len(layer.cut_weights) + len(layer.cut_biases)
            table.add_row(
                layer.name, str(layer.threshold), noise, str(cut), str(len(layer.constant))
            )
        return [table]

    def as_text(self) -> str:
        """Return everything in lines: the summary, noise per layer, and what does not fit."""
        noise = ", ".join(
            f"{x.name} {x.snr_db:.1f} dB at threshold {x.threshold}"
            for x in self.layers
            if x.snr_db is not None
        )
        warned = [text for layer in self.layers for text in layer.warnings()]
        return "\n".join(line for line in (f"folded: {self.about()}", noise, *warned) if line)

    def measured(self, before: float, after: float) -> Folding:
        """Return the same with validation accuracies."""
        return replace(self, accuracy_before=before, accuracy_after=after)


def _listed(values: dict[int, int]) -> str:
    return "channels " + _some([f"{channel} ({value})" for channel, value in values.items()])


def _some(items: Sequence[str]) -> str:
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")
