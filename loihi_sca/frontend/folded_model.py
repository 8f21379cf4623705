"""A folded model, and how its spikes differ from those of the model with norms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from loihi_sca.model.folded import Folding
from loihi_sca.model.walk import forward_of
from loihi_sca.results import Result, add_numbers, open_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, repr=False)
class FoldedModel(Result):
    """A folded model, and what folding has changed.

    Attributes
    ----------
    model : module
        A copy of what was given, with integers where norms were. It compiles.
    folding : Folding
        Threshold of each layer, and what did not fit.
    differing : dict of str to float
        Share of each folded block's spikes that are others than before, all blocks before it
        folded too. Empty without a sample.
    samples, same_decisions : int
        Samples that were run, and those whose most active output is the same.
    """

    model: Any
    folding: Folding
    differing: dict[str, float]
    samples: int = 0
    same_decisions: int = 0

    def about(self) -> str:
        """Return a line without the name of the class."""
        folded = f"{len(self.folding.layers)} layers folded"
        if not self.samples:
            return f"{folded}, difference not measured: give a sample"
        last = list(self.differing.values())[-1]
        return (
            f"{folded}, {100 * last:.2f} % of the spikes of the last differ, the same decision on "
            f"{self.same_decisions} of {self.samples} samples"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values, without the model."""
        layers = [
            {**asdict(layer), "differing": self.differing.get(layer.name)}
            for layer in self.folding.layers
        ]
        decided = {"samples": self.samples, "same_decisions": self.same_decisions}
        return {"layers": layers, **decided}

    def tables(self) -> list[Table]:
        """Return the one table, what does not fit below it."""
        table = open_table("batch norm folded", "layer")
        add_numbers(table, "threshold", "signal to noise, dB", "spikes that differ, %")
        for layer in self.folding.layers:
            noise = "-" if layer.snr_db is None else f"{layer.snr_db:.1f}"
            share = self.differing.get(layer.name)
            differ = "-" if share is None else f"{100 * share:.3f}"
            table.add_row(layer.name, str(layer.threshold), noise, differ)
        warned = [text for layer in self.folding.layers for text in layer.warnings()]
        table.caption = "\n".join([self.about(), *warned])
        return [table]


def compared(
    before: Any,
    after: Any,
    folding: Folding,
    names: dict[str, str],
    sample: torch.Tensor | None,
) -> FoldedModel:
    """Run both on a sample; ``names`` says whose output in ``before`` is that of which block."""
    if sample is None:
        return FoldedModel(after, folding, {})
    ours = _spikes(after, list(names), sample)
    theirs = _spikes(before, list(names.values()), sample)
    return difference(after, folding, names, ours, theirs)


def difference(
    after: Any,
    folding: Folding,
    names: dict[str, str],
    ours: dict[str, torch.Tensor],
    theirs: dict[str, torch.Tensor],
) -> FoldedModel:
    """Compare spikes (N, ..., T) of parts, those of the last part for decisions as well.

    Parameters
    ----------
    after : module
        The folded model.
    folding, names
        As in :func:`compared`.
    ours, theirs : dict of str to tensor
        By the names of the folded model, and of the one before.
    """
    differing = {
        new: float((ours[new] != theirs[old]).float().mean()) for new, old in names.items()
    }
    given, wanted = ours[list(names)[-1]], theirs[list(names.values())[-1]]
    same = given.flatten(1, -2).sum(dim=-1).argmax(dim=1) == wanted.flatten(1, -2).sum(
        dim=-1
    ).argmax(dim=1)
    return FoldedModel(after, folding, differing, len(given), int(same.sum()))


def _spikes(
    model: torch.nn.Module, names: list[str], sample: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the spikes of parts in evaluation."""
    found: dict[str, torch.Tensor] = {}
    was_training = {part: part.training for part in model.modules()}

    def note(name: str) -> Any:
        def hook(_part: object, _inputs: object, output: Any) -> None:
            found[name] = (output[0] if isinstance(output, tuple) else output).detach()

        return hook

    hooks = [model.get_submodule(n).register_forward_hook(note(n)) for n in names]
    try:
        model.eval()
        with torch.no_grad():
            forward_of(model)(sample)
    finally:
        for handle in hooks:
            handle.remove()
        for part, training in was_training.items():
            part.training = training
    return found
