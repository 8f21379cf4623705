"""What is off stays as it was, whatever an optimizer has done to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from loihi_sca.errors import ConfigError
from loihi_sca.model.blocks import Gated


class Protection:
    """Remembers gates, and the parameters of pruned channels, and puts them back.

    Their gradient is zero, but momentum, weight decay or a penalty in the loss would move them.
    """

    def __init__(self) -> None:
        self._gates: dict[Gated, torch.Tensor] = {}
        self._saved: dict[Gated, list[tuple[torch.Tensor, int, torch.Tensor, torch.Tensor]]] = {}

    def remember(self, block: Gated) -> None:
        """Take what a block is now, in its forward pass, thus before an optimizer's step."""
        self._gates[block] = block.gate.detach().clone()
        off = (~block.alive).nonzero().flatten()
        self._saved[block] = [
            (parameter, axis, off, parameter.detach().index_select(axis, off))
            for parameter, axis in (block.own_parameters if len(off) else ())
        ]

    def restore(self) -> None:
        """Put back what was remembered, once."""
        for block, gate in self._gates.items():
            block.gate.data.copy_(gate)
        for saved in self._saved.values():
            for parameter, axis, off, values in saved:
                parameter.data.index_copy_(axis, off, values)
        self.forget()

    def forget(self) -> None:
        """Forget what was remembered."""
        self._gates.clear()
        self._saved.clear()


def clear_moments(
    optimizer: torch.optim.Optimizer, parameter: torch.Tensor, axis: int, channels: torch.Tensor
) -> None:
    """Forget what an optimizer knows about some channels of a parameter.

    Parameters
    ----------
    optimizer : Optimizer
    parameter : tensor
    axis : int
        Of its channels.
    channels : bool tensor (C,)
    """
    index = channels.nonzero().flatten().to(parameter.device)
    for value in optimizer.state.get(parameter, {}).values():
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
            value.index_fill_(axis, index, 0)


def check_holds(optimizers: Sequence[torch.optim.Optimizer], blocks: Mapping[str, Gated]) -> None:
    """Raise unless optimizers hold the trainable weights of blocks.

    Raises
    ------
    ConfigError
        Names the blocks whose weights they do not hold.
    """
    held = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
    missing = [
        name
        for name, block in blocks.items()
        if any(p.requires_grad and id(p) not in held for p, _ in block.own_parameters[:1])
    ]
    if missing:
        raise ConfigError(
            f"the optimizer does not hold the weights of {', '.join(missing)}. Give all "
            "optimizers of the model, made of its own parameters, or freeze those blocks with "
            "requires_grad_(False)."
        )


@contextmanager
def seeded(seed: int, step: int) -> Iterator[None]:
    """Make what is drawn follow from seed and step, and leave torch's own numbers alone."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(state[0]))
        yield
