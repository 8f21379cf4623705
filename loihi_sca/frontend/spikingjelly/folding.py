"""A batch norm, in evaluation, as part of the weights before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def fold(
    weight: Floats, bias: Floats | None, gamma: Floats, beta: Floats, mean: Floats, var: Floats,
    eps: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the weights and biases that compute what a layer and its batch norm did.

    ``gamma (w x + b - mean) / sqrt(var + eps) + beta``, for each output channel.

    Parameters
    ----------
    weight : float array (C_out, ...)
    bias : float array (C_out,) or None
    gamma, beta, mean, var : float array (C_out,)
        Scale, shift, and running statistics.
    eps : float

    Returns
    -------
    weight : float array (C_out, ...)
    bias : float array (C_out,)
    """
    gain = gamma / np.sqrt(var + eps)
    shift = (0.0 if bias is None else bias) - mean
    return weight * gain.reshape(-1, *[1] * (weight.ndim - 1)), shift * gain + beta
