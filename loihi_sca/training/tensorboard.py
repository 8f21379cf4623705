"""TensorBoard: curves, activity and gates of a training, for those who installed the extra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from typing_extensions import Self

from loihi_sca.errors import ConfigError
from loihi_sca.files import make_folder
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.loop import Trainer

SAMPLES = 256
"""Validation samples from which the rates of the channels are measured."""


class EventFile:
    """Writes an event file; call it after every epoch.

    Scalars (loss, accuracies, channels alive and rate of each block), a histogram of the rates of
    each block's channels, and an image of each block's gates: a row per channel, a column per
    epoch since this process started, white where the channel was alive.

    Parameters
    ----------
    folder : path
        Created if needed.
    done : int
        Epochs that are over already; what the folder says of later ones is overruled.

    Raises
    ------
    ConfigError
        TensorBoard is not installed.
    """

    def __init__(self, folder: Path, done: int = 0) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                f"--tensorboard needs TensorBoard ({error}): pip install 'loihi-sca[tensorboard]'."
            ) from error
        make_folder(folder)
        self._writer: Any = SummaryWriter(  # type: ignore[no-untyped-call]
            str(folder), purge_step=done + 1 if done else None
        )
        self._gates: dict[str, list[torch.Tensor]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def __call__(self, trainer: Trainer, epoch: Epoch) -> None:
        """Write what an epoch brought."""
        number = epoch.number
        for name in ("loss", "accuracy", "validation_accuracy", "pruned", "regenerated"):
            self._writer.add_scalar(name, getattr(epoch, name), number)
        for name, count in epoch.alive.items():
            self._writer.add_scalar(f"alive/{name}", count, number)
        for name, rate in epoch.rates.items():
            self._writer.add_scalar(f"rate/{name}", rate, number)
        for name, rates in channel_rates(trainer).items():
            self._writer.add_histogram(f"rates/{name}", rates, number)
        for name, mask in trainer.masks.items():
            self._gates.setdefault(name, []).append(mask.float())
            picture = torch.stack(self._gates[name], dim=1)
            self._writer.add_image(f"gates/{name}", picture, number, dataformats="HW")
        self._writer.flush()


def channel_rates(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return the firing rate of every channel that is left, (C,) by block."""
    rates: dict[str, torch.Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, spikes: torch.Tensor) -> None:
            rates[name] = spikes.transpose(0, 1).flatten(1).mean(dim=1).cpu()

        return hook

    hooks = [block.register_forward_hook(note(name)) for name, block in trainer.model.gated]
    trainer.model.eval()
    with torch.no_grad():
        spikes = torch.from_numpy(trainer.validation.first(SAMPLES).spikes())
        trainer.model(spikes.to(trainer.device).float())
    for hook in hooks:
        hook.remove()
    return rates
