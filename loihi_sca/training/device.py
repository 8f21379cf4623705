"""Where a training runs.

The device is no part of a recipe: what is learnt is the same but for the rounding of gradients, and
a checkpoint of one goes on on another. So it is an option of the command, and ``cpu`` unless asked
for, where the same recipe gives the same bits on every machine that has the same torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from loihi_sca.errors import ConfigError


def device_of(name: str) -> torch.device:
    """Return the device that an option names.

    Parameters
    ----------
    name : str
        ``cpu``; ``cuda``, the first card, or under ``torchrun`` each process's own; ``cuda:1``, a
        certain one; ``auto``, a card if there is one.

    Raises
    ------
    ConfigError
        There is no such device, or several processes would share a card.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ConfigError(f"device {name!r}: choose auto, cpu, cuda, or a card such as cuda:1.")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ConfigError(f"device {name!r}: {_why_there_is_none()} Or train with --device cpu.")
    return _card(name)


def _why_there_is_none() -> str:
    version = torch.__version__
    if torch.version.cuda is None:
        return f"torch {version} is built without CUDA. Install the build with CUDA."
    return (
        f"torch {version} for CUDA {torch.version.cuda} finds no NVIDIA GPU with a working driver. "
        "See what nvidia-smi says, and whether CUDA_VISIBLE_DEVICES hides it."
    )


def _card(name: str) -> torch.device:
    cards, rank = torch.cuda.device_count(), os.environ.get("LOCAL_RANK")
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    if ":" in name and not alone:
        raise ConfigError(f"device {name!r}: each process has a card of its own; say cuda.")
    index = int(name.partition(":")[2] or (0 if alone or rank is None else rank))
    if index >= cards:
        wish = name if ":" in name else f"process {index} of this machine"
        raise ConfigError(
            f"device {name!r}: no card is left for {wish}, there are {cards}. Cards count from 0; "
            "with torchrun, --nproc-per-node must not exceed them."
        )
    return torch.device("cuda", index)


@contextmanager
def reproducible_on(device: torch.device) -> Iterator[None]:
    """Let torch compute in float32, the same every time, for the length of a ``with`` block.

    On a CPU it does so anyway, and nothing is changed.
    """
    if device.type != "cuda":
        yield
        return
    # read when cuBLAS starts: with several workspaces its sums would depend on timing
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.cuda.set_device(device)
    products, precise = torch.backends.cuda.matmul, torch.backends.cuda.matmul.allow_tf32
    products.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            yield
    finally:
        products.allow_tf32 = precise
