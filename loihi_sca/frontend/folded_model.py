"""A folded model, and how its spikes differ from those of the model with norms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from loihi_sca.model.folded import Folding
from loihi_sca.model.outputs import tensors_of
from loihi_sca.model.samples import as_sample, forward_fails
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
        folded too, in the order in which they run; those that do not run on the sample are not
        there. Empty without a sample.
    samples, same_decisions : int
        Samples that were run, and those for which the most active of what the model returns is the
        same; of each head, where it has several.
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


@dataclass(frozen=True)
class Behaviour:
    """What a model does on a sample.

    Attributes
    ----------
    sent : dict of str to list of tensor
        By part, in the order in which they run, what it sends in each of its runs.
    returned : tuple of tensor (N, ...)
        What the forward pass returns, summed over time; where samples are not its first axis, what
        the last of the parts sends.
    """

    sent: dict[str, list[torch.Tensor]]
    returned: tuple[torch.Tensor, ...]


def compared(
    before: Any,
    after: Any,
    folding: Folding,
    names: dict[str, str],
    sample: Any,
) -> FoldedModel:
    """Run both on a sample; ``names`` says whose output in ``before`` is that of which block.

    Raises
    ------
    InputError
        The sample is no array (N, *in_shape, T).
    UnsupportedLayer
        The forward pass fails on it.
    """
    if sample is None:
        return FoldedModel(after, folding, {})
    first = next(before.parameters())
    given = as_sample(sample).to(first.device, first.dtype)
    ours = _behaviour(after, list(names), given)
    theirs = _behaviour(before, list(names.values()), given)
    return difference(after, folding, names, ours, theirs, len(given))


def difference(
    after: Any,
    folding: Folding,
    names: dict[str, str],
    ours: Behaviour,
    theirs: Behaviour,
    samples: int,
) -> FoldedModel:
    """Compare what parts send, and what the model returns for decisions.

    Parameters
    ----------
    after : module
        The folded model.
    folding, names
        As in :func:`compared`.
    ours, theirs : Behaviour
        By the names of the folded model, and of the one before.
    samples : int
        That were run.
    """
    differing = {
        new: _share(sent, theirs.sent[names[new]])
        for new, sent in ours.sent.items()
        if names[new] in theirs.sent
    }
    same = torch.ones(samples, dtype=torch.bool)
    for given, wanted in zip(ours.returned, theirs.returned, strict=False):
        same &= given.flatten(1).argmax(dim=1) == wanted.flatten(1).argmax(dim=1)
    return FoldedModel(after, folding, differing, samples, int(same.sum()))


def over_time(returned: object, samples: int, timesteps: int) -> tuple[torch.Tensor, ...]:
    """Return the tensors (N, ...) in what a model returns, spikes (N, ..., T) summed over time."""
    found = [x.detach() for _, x in tensors_of(returned) if x.ndim > 1 and len(x) == samples]
    return tuple(x.sum(dim=-1) if x.ndim > 2 and x.shape[-1] == timesteps else x for x in found)


def _share(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> float:
    """Return the share of values that differ."""
    pairs = list(zip(ours, theirs, strict=True))
    wrong = sum(int((given != wanted).sum()) for given, wanted in pairs)
    return wrong / sum(given.numel() for given, _ in pairs)


def _behaviour(model: torch.nn.Module, names: Iterable[str], sample: torch.Tensor) -> Behaviour:
    """Run a model in evaluation, and leave it as it was."""
    found: dict[str, list[torch.Tensor]] = {}
    was_training = {part: part.training for part in model.modules()}

    def note(name: str) -> Any:
        def hook(_part: object, _inputs: object, output: Any) -> None:
            sent = output[0] if isinstance(output, tuple) else output
            found.setdefault(name, []).append(sent.detach())

        return hook

    hooks = [model.get_submodule(n).register_forward_hook(note(n)) for n in names]
    try:
        model.eval()
        with torch.no_grad():
            returned = forward_of(model)(sample)
    except Exception as error:  # the user's own code: anything may happen there
        raise forward_fails(model, sample, error) from error
    finally:
        for handle in hooks:
            handle.remove()
        for part, training in was_training.items():
            part.training = training
    sizes = len(sample), sample.shape[-1]
    last = [sent[-1] for sent in found.values()][-1:]
    return Behaviour(found, over_time(returned, *sizes) or over_time(last, *sizes))
