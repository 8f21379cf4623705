"""Samples as windows of one recording: their state carried on, or fresh in each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.result import RunResult, SpikeArray, Trace, check_one_of

State: TypeAlias = Literal["fresh", "carried"]
"""``fresh``: every sample starts at rest. ``carried``: the samples are windows that follow each
other, such as pieces of a video, and each starts in the state in which the one before has ended;
the first one at rest. On the cold schedule a window of the output is one of Lava's clock, on which
what belongs to the input comes as many steps later as there are layers."""

Kind = TypeVar("Kind", bound=np.generic)


def check_state(state: str) -> None:
    """Raise :class:`ConfigError` unless it is one of :data:`State`."""
    check_one_of("state", state, get_args(State))


def as_stream(windows: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """Return windows (N, *shape, T) one after the other, as one sample (1, *shape, N T)."""
    joined = np.moveaxis(windows, 0, -2)
    return joined.reshape(1, *windows.shape[1:-1], -1)


def as_windows(stream: npt.NDArray[Kind], windows: int) -> npt.NDArray[Kind]:
    """Return one sample (1, *shape, N T) cut into windows (N, *shape, T)."""
    cut = stream[0].reshape(*stream.shape[1:-1], windows, -1)
    return np.ascontiguousarray(np.moveaxis(cut, -2, 0))


def cut_result(result: RunResult, windows: int) -> RunResult:
    """Return the result of a stream as that of its windows; counts are sums either way."""
    traces = {name: _cut_trace(trace, windows) for name, trace in result.traces.items()}
    spikes: SpikeArray = as_windows(result.spikes, windows)  # type: ignore[assignment]  # as given
    return replace(result, spikes=spikes, traces=traces, state="carried")


def _cut_trace(trace: Trace, windows: int) -> Trace:
    parts: dict[str, Any] = {
        name: None if values is None else as_windows(values, windows)
        for name, values in vars(trace).items()
    }
    return Trace(**parts)
