"""The shape of what a model takes at one timestep."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.errors import NetworkError
from loihi_sca.network import Shape


def input_shape_of(model: Any, given: Any) -> Shape:
    """Return ``(C, H, W)`` or ``(N,)`` as given, or else the ``in_shape`` of a model.

    Raises
    ------
    NetworkError
        Neither says it, or it is no row of whole numbers.
    """
    shape = getattr(model, "in_shape", None) if given is None else given
    if shape is None:
        raise NetworkError("the shape of the input is not known. Pass input_shape=(C, H, W).")
    sizes = np.asarray(shape)
    if sizes.ndim != 1 or not np.issubdtype(sizes.dtype, np.integer):
        raise NetworkError(
            f"input_shape={shape!r} is no tuple of whole numbers. Pass (C, H, W), or (N,) for N "
            "inputs without a map."
        )
    return tuple(int(size) for size in sizes)
