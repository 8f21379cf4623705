"""Encoders: from pixel values to spike trains, deterministic, so that a figure can be repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError

MANTISSA = 64
"""Bias mantissa of a value of 1: the threshold of a neuron with threshold 1."""

BYTES_PER_SPIKE = 9
"""While it is encoded at a rate, a spike takes two whole numbers beside its own byte."""

MAX_STEPS_IN_INT32 = 46_340
"""The largest number whose square, a step times a count of spikes, fits into 32 bits."""


def rate(values: npt.NDArray[Any], timesteps: int) -> npt.NDArray[np.uint8]:
    """Encode values as evenly spaced spikes: a value of ``k / timesteps`` gives exactly ``k``.

    Parameters
    ----------
    values : float array (...)
        Between 0 and 1.
    timesteps : int
        Steps T per sample.

    Returns
    -------
    uint8 array (..., T)
        Spikes.

    Raises
    ------
    InputError
        A value lies outside 0 to 1.
    """
    values = np.asarray(values, dtype=np.float32)
    _check_range(values, "rate")
    whole: type[np.signedinteger[Any]] = np.int32 if timesteps <= MAX_STEPS_IN_INT32 else np.int64
    count = np.rint(values * timesteps).astype(whole)[..., None]
    # spike number k of n falls where the line t * n / T passes the integer k
    line = np.arange(1, timesteps + 1, dtype=whole) * count
    passed = line // timesteps  # the remainder by hand: numpy divides fast, and by % slowly
    passed *= timesteps
    line -= passed
    spikes: npt.NDArray[np.uint8] = (line < count).view(np.uint8)
    return spikes


def direct(values: npt.NDArray[Any], timesteps: int) -> npt.NDArray[np.uint8]:
    """Encode values as the bias mantissa of neurons, the same at every step; 1 becomes 64.

    Parameters
    ----------
    values : float array (...)
        Between 0 and 1.
    timesteps : int
        Steps T per sample.

    Returns
    -------
    uint8 array (..., T)
        Mantissas from 0 to 64.

    Raises
    ------
    InputError
        A value lies outside 0 to 1.
    """
    values = np.asarray(values, dtype=np.float32)
    _check_range(values, "direct")
    mantissas = np.rint(values * MANTISSA).astype(np.uint8)[..., None]
    return np.repeat(mantissas, timesteps, axis=-1)


def latency(values: npt.NDArray[Any], timesteps: int) -> npt.NDArray[np.uint8]:
    """Encode values as the time of a single spike: 1 at the first step, small ones at the last.

    Step ``rint((1 - value) * (T - 1))``; a value of 0 gives none. After Thorpe et al., "Spike-based
    strategies for rapid processing", Neural Networks 14, 2001: what is strong comes first.

    Parameters
    ----------
    values : float array (...)
        Between 0 and 1.
    timesteps : int
        Steps T per sample.

    Returns
    -------
    uint8 array (..., T)
        Spikes, at most one per value.

    Raises
    ------
    InputError
        A value lies outside 0 to 1.
    """
    values = np.asarray(values, dtype=np.float32)
    _check_range(values, "latency")
    step = np.rint((1 - values) * (timesteps - 1)).astype(np.int64)[..., None]
    spikes: npt.NDArray[np.uint8] = (np.arange(timesteps) == step).astype(np.uint8)
    spikes *= (values > 0)[..., None]
    return spikes


def thermometer(values: npt.NDArray[Any], timesteps: int, levels: int) -> npt.NDArray[np.uint8]:
    """Encode values as spikes, at every step, in the channels whose level they exceed.

    Level ``k`` of ``n`` is ``(k + 1/2) / n``; a channel's levels follow one another. After Buckman
    et al., "Thermometer encoding", ICLR 2018.

    Parameters
    ----------
    values : float array (N, C, ...)
        Between 0 and 1.
    timesteps : int
        Steps T per sample.
    levels : int
        For each channel.

    Returns
    -------
    uint8 array (N, C levels, ..., T)
        Spikes.

    Raises
    ------
    InputError
        A value lies outside 0 to 1.
    """
    values = np.asarray(values, dtype=np.float32)
    _check_range(values, "thermometer")
    level = ((np.arange(levels, dtype=np.float32) + 0.5) / levels).astype(np.float32)
    above = values[:, :, None] > level.reshape(-1, *(1,) * (values.ndim - 2))
    merged = above.reshape(len(values), values.shape[1] * levels, *values.shape[2:])
    return np.repeat(merged.view(np.uint8)[..., None], timesteps, axis=-1)


def delta(
    values: npt.NDArray[Any], threshold: float
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Encode a course of values as spikes where it has risen, and others where it has fallen.

    ``r`` follows the values in steps of the threshold, at most one per timestep, from 0 on::

        rises[t] = values[t] - r >= threshold;  falls[t] = r - values[t] >= threshold
        r += threshold * (rises[t] - falls[t])

    A send-on-delta code, as an event camera's. Values that move by more than the threshold in a
    timestep are followed late.

    Parameters
    ----------
    values : float array (..., T)
    threshold : float
        Above 0.

    Returns
    -------
    rises, falls : uint8 array (..., T)
    """
    values = np.asarray(values, dtype=np.float64)
    rises, falls = (np.zeros(values.shape, dtype=np.uint8) for _ in range(2))
    steps = np.zeros(values.shape[:-1], dtype=np.int64)  # whole, so that nothing adds up
    for t in range(values.shape[-1]):
        behind = values[..., t] - steps * threshold
        rises[..., t] = behind >= threshold
        falls[..., t] = -behind >= threshold
        steps += rises[..., t].astype(np.int64) - falls[..., t]
    return rises, falls


def _check_range(values: npt.NDArray[np.float32], encoding: str) -> None:
    if values.size and not (0 <= float(values.min()) and float(values.max()) <= 1):
        raise InputError(
            f"{encoding} encoding needs values from 0 to 1, got {values.min()} to {values.max()}."
        )
