"""Spikes on disk: what ``--input`` reads and ``--out`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loihi_sca.cli.output import status
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def read_spikes(path: Path, steps: int | None) -> npt.NDArray[np.integer[Any]]:
    """Return the spikes of ``--input``, cut or padded to ``--steps`` if that is given.

    Raises
    ------
    InputError
        They have no axis of time, or the file does not hold integers.
    ConfigError
        There are no such steps.
    """
    import numpy as np

    from loihi_sca.data import read_npy
    from loihi_sca.memory import check_memory

    spikes = read_npy(path)
    if steps is None:
        return spikes
    if steps < 1:
        raise ConfigError(f"--steps {steps}: at least 1.")
    if spikes.ndim < 2:
        raise InputError(
            f"{path}: shape {spikes.shape} has no time axis; (N, C, H, W, T) or (N, C, T)."
        )
    missing = max(0, steps - spikes.shape[-1])
    if missing:
        check_memory(
            f"--steps {steps}: the spikes, padded with silence,",
            steps * (spikes.nbytes // max(1, spikes.shape[-1])),
            "Take fewer steps.",
        )
        status.print(f"note: input has {spikes.shape[-1]} steps, padded with silence to {steps}.")
    padding = [(0, 0)] * (spikes.ndim - 1) + [(0, missing)]
    return np.pad(spikes[..., :steps], padding)


def write_npy(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as .npy, whole or not at all."""
    import numpy as np

    from loihi_sca.files import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
