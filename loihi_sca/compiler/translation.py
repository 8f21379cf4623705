"""What became of the numbers of a model that was not trained in those of the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loihi_sca.results import add_numbers, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Translation:
    """What became of one layer's numbers, and on a sample of its spikes.

    Attributes
    ----------
    layer : str
    exact : bool
        Whether it gives the very spikes of the model for the same input, as long as no state leaves
        its 24 bits.
    scale : float
        Mantissas of the chip in one unit of the model's summed input.
    weight_error : float
        The largest change of a weight, in units of the model.
    snr_db : float or None
        Power of the weights over that of their changes, in dB; None where nothing changed.
    bias_error : float
        The largest change of a bias, in units of the model.
    threshold : float
        Of the model, in units of the summed input.
    threshold_error : float
        How far the voltage that fires is from it, in the same units.
    leak, leak_error : float
        Share of the voltage that is lost per timestep, and its change.
    spikes, differ, compared : int or None
        On the sample: spikes of the model, those that differ, spikes and silences compared. None
        where nothing was run.
    lessened : tuple of int
        Channels whose current hardly ever varied before a batch norm, which makes their weights
        very large: they are scaled to the largest of the others, the mean stays what it is.
    """

    layer: str
    exact: bool
    scale: float
    weight_error: float
    snr_db: float | None
    bias_error: float
    threshold: float
    threshold_error: float
    leak: float
    leak_error: float
    spikes: int | None = None
    differ: int | None = None
    compared: int | None = None
    lessened: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    def __str__(self) -> str:
        """Return in a line what is not what it was."""
        changed = [
            f"{what} by up to {error:.2g}"
            for what, error in (
                ("weights", self.weight_error), ("biases", self.bias_error),
                ("the threshold", self.threshold_error), ("the leak", self.leak_error),
            )
            if error
        ]  # fmt: skip
        signal = "" if self.snr_db is None else f" ({self.snr_db:.1f} dB)"
        if self.lessened:
            channels = ", ".join(map(str, self.lessened))
            quiet = (
                f"; the current of channels {channels} hardly ever varied before the batch norm, "
                "and their weights are not taken larger than those of the others"
            )
        else:
            quiet = ""
        if not changed:
            return f"{self.layer}: its leak is rounded towards zero in 1/64 of a mantissa{quiet}"
        first, *rest = changed
        return f"{self.layer}: rounded {', '.join([first + signal, *rest])}{quiet}"


def translation_table(rows: Sequence[Translation]) -> Table:
    """Return what changed, layer by layer."""
    table = open_table("From the model's numbers to the chip's", "layer", "")
    add_numbers(table, "scale", "weights", "threshold", "leak", "spikes", "differ")
    for row in rows:
        table.add_row(
            plain(row.layer), "exact" if row.exact else "measured", f"{row.scale:.6g}",
            "as they are" if row.snr_db is None else f"{row.snr_db:.1f} dB",
            _with_error(row.threshold, row.threshold_error), _with_error(row.leak, row.leak_error),
            *("-" if n is None else f"{n:,}" for n in (row.spikes, row.differ)),
        )  # fmt: skip
    return table


def _with_error(value: float, error: float) -> str:
    return f"{value:.6g}" if not error else f"{value:.6g} ± {error:.2g}"
