"""What a network does on a dataset: the result of :func:`loihi_sca.evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loihi_sca.network.activity import LayerActivity, activity_table
from loihi_sca.results import Result, add_numbers, open_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, repr=False)
class Evaluation(Result):
    """What a network does on a dataset.

    Attributes
    ----------
    confusion : int64 array (classes, classes)
        Samples by true class (rows) and answer (columns).
    activity : tuple of LayerActivity
        One per layer, summed over all samples.
    timesteps : int
        Steps per sample.
    wall_time_s : float
        Time in the engine, encoding excluded.
    network, data : str
        Their names, where they are known.
    state : {"fresh", "carried"}
        Whether each sample started at rest, or where the one before had ended.
    """

    confusion: npt.NDArray[np.int64]
    activity: tuple[LayerActivity, ...]
    timesteps: int
    wall_time_s: float
    network: str = ""
    data: str = ""
    state: str = "fresh"

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of samples with the right answer."""
        return float(np.trace(self.confusion) / self.samples)

    def about(self) -> str:
        """Return the accuracy in a line."""
        return (
            f"{self.network!r} on {self.data}: accuracy {100 * self.accuracy:.2f} % of "
            f"{self.samples} samples of {self.timesteps} steps"
            f"{', state carried on' if self.state == 'carried' else ''}, {self.wall_time_s:.2f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """Return accuracy, confusion and the counts of every layer."""
        return {
            "schema": 1,
            "network": self.network,
            "data": self.data,
            "samples": self.samples,
            "timesteps": self.timesteps,
            "state": self.state,
            "accuracy": self.accuracy,
            "confusion": self.confusion.tolist(),
            "wall_time_s": self.wall_time_s,
            "layers": [a.as_json(self.samples, self.timesteps) for a in self.activity],
        }

    def tables(self) -> list[Table]:
        """Return the confusion and the activity of every layer."""
        table = open_table("confusion: true class down, answer across", "")
        add_numbers(table, *map(str, range(len(self.confusion))))
        for label, row in enumerate(self.confusion):
            cells = [f"[bold]{n}[/]" if label == k else str(n) if n else "."
                     for k, n in enumerate(row)]  # fmt: skip
            table.add_row(str(label), *cells)
        return [table, activity_table(self.activity, self.samples, self.timesteps, "activity")]
