"""What keeps a norm from being folded, whosever blocks it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from loihi_sca.errors import TrainingError


def shared_parts(places: Iterable[tuple[str, Any, Any]]) -> Iterator[tuple[str, str]]:
    """Yield which places share weights or a neuron with one before, and why that cannot be folded.

    Parameters
    ----------
    places : iterable of (name, synapse, neuron)
        All that hold synapses or neurons, whether or not they have a norm.
    """
    owners: dict[int, str] = {}
    for name, synapse, neuron in places:
        shared = (("weights", getattr(synapse, "weight", None)), ("neuron", neuron))
        for what, part in shared:
            if part is None:
                continue
            first = owners.setdefault(id(part), name)
            if first != name:
                yield (
                    name,
                    f"{name}: it shares its {what} with {first}, and a fold changes them; put the "
                    "same block there twice, norm included, or give each its own",
                )
                break


def refuse_not_finite(name: str, synapse: Any, norm: Any) -> None:
    """Raise if weights, or a norm's statistics or parameters, are no numbers.

    Raises
    ------
    TrainingError
        They are not finite, or a variance is negative.
    """
    held = [(key, synapse, values) for key, values in synapse.named_parameters()]
    for key, values in (*norm.named_parameters(), *norm.named_buffers()):
        held.append((key, norm, values))
    for key, part, values in held:
        wrong = ~torch.isfinite(values.detach().float())
        if key == "running_var":
            wrong |= values < 0
        if bool(wrong.any()):
            raise TrainingError(
                f"{name}: {int(wrong.sum())} of the {values.numel()} values of {key} of its "
                f"{type(part).__name__} are no numbers that it can have. Training has diverged, or "
                "the checkpoint is damaged; take an earlier state, or a lower learning rate."
            )
