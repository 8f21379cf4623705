"""What a forward pass returns, beside what the network gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from loihi_sca.problems import Problem

Kind = Literal["spikes", "sum over time", "mean over time"]


@dataclass(frozen=True)
class Output:
    """One tensor that the forward pass returns, and that the network gives as well.

    Attributes
    ----------
    path : str
        Where it is in what is returned, ``output[0]`` for instance.
    kind : str
        What of a block's spikes it is.
    block : str
        Which one: the last, or another that no block hears.
    """

    path: str
    kind: Kind
    block: str


def tensors_of(returned: object, path: str = "output") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors in nested tuples, lists and dicts, with where they are."""
    if isinstance(returned, torch.Tensor):
        yield path, returned
    elif isinstance(returned, Mapping):
        for key, value in returned.items():
            yield from tensors_of(value, f"{path}[{key!r}]")
    elif isinstance(returned, tuple | list):
        for index, value in enumerate(returned):
            yield from tensors_of(value, f"{path}[{index}]")


def of_kind(kind: Kind, spikes: Any) -> Any:
    """Return what of spikes (..., T), of torch or NumPy, an output of a kind is."""
    if kind == "spikes":
        return spikes
    total = spikes.sum(-1)
    return total if kind == "sum over time" else total / spikes.shape[-1]


def judge_outputs(
    model: str,
    returned: object,
    sources: Sequence[tuple[str, torch.Tensor]],
    heads: Sequence[str],
    blocks: int,
) -> tuple[tuple[Output, ...], list[Problem], tuple[str, ...]]:
    """Compare what is returned with the bits that blocks have sent.

    Parameters
    ----------
    model : str
        For messages.
    returned : object
        By the forward pass.
    sources : sequence of (name, tensor (N, ..., T))
        The input, and what each block has sent, in order.
    heads : sequence of str
        Blocks that no other hears; all of them have to be returned.
    blocks : int
        How many there are. So many numbers per sample or in all are taken for statistics, such as
        spike rates per block, that lava-dl's models return beside their output.

    Returns
    -------
    outputs, problems, notes
    """
    last, bits = sources[-1]
    ends = [(name, sent) for name, sent in sources if name in heads or name == last]
    outputs: list[Output] = []
    others: list[tuple[str, torch.Tensor]] = []
    for path, tensor in tensors_of(returned):
        found = ((name, _kind(tensor, sent)) for name, sent in reversed(ends))
        name, kind = next(((name, kind) for name, kind in found if kind is not None), ("", None))
        if kind is None:
            others.append((path, tensor))
        else:
            outputs.append(Output(path, kind, name))
    few = blocks * len(bits)
    many = [(path, tensor) for path, tensor in others if tensor.numel() > few or not outputs]
    problems = [Problem(model, *_reason(path, tensor, sources, last)) for path, tensor in many]
    shown = {output.block for output in outputs}
    problems += [
        Problem(
            name,
            "no block hears it, and the model's forward pass does not return what it sends",
            "Return it, or leave the block out.",
        )
        for name in heads
        if name not in shown and (outputs or name != last)
    ]
    if not outputs and not others:
        problems = [Problem(model, "its forward pass returns no tensor", "Return the spikes.")]
    notes = [
        f"{path} of the forward pass, {tensor.numel()} numbers beside the spikes, is not computed "
        "on the chip"
        for path, tensor in others
        if (path, tensor.numel()) not in {(p, t.numel()) for p, t in many}
    ]
    notes += [
        f"{out.path} of the forward pass is the {out.kind} of the spikes: the network gives the "
        f"spikes, and the host takes the {out.kind.split()[0]}"
        for out in outputs
        if out.kind != "spikes"
    ]
    return tuple(outputs), problems, tuple(notes)


def _reason(
    path: str, tensor: torch.Tensor, sources: Sequence[tuple[str, torch.Tensor]], last: str
) -> tuple[str, str]:
    hidden = next((name for name, bits in sources[:-1] if _kind(tensor, bits) is not None), None)
    what = f"from {hidden}" if hidden else f"of shape {tuple(tensor.shape)}"
    return (
        f"its forward pass returns {path} {what}, which is not what {last}, its last block, sends, "
        "nor the sum or the mean of that over time",
        f"Return what {last} sends, and compute the rest on the host.",
    )


def _kind(tensor: torch.Tensor, bits: torch.Tensor) -> Kind | None:
    values = tensor.detach().float()
    if not values.ndim or values.shape[0] != bits.shape[0]:
        return None
    timed = values.ndim > 1 and values.shape[-1] == bits.shape[-1]
    kinds: tuple[Kind, ...] = ("spikes", "sum over time", "mean over time")
    for kind in kinds:
        wanted = of_kind(kind, bits)
        if values.numel() != wanted.numel() or (kind == "spikes" and not timed):
            continue
        if torch.allclose(values.reshape(-1), wanted.reshape(-1), rtol=1e-5, atol=1e-6):
            return kind
    return None
