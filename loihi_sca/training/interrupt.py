"""Ctrl-C that waits for the end of a step, so that what was learnt can be saved."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what batch systems send before they kill."""


class StopRequest:
    """Catches the first SIGINT or SIGTERM and remembers it; the second interrupts at once.

    Signals reach the main thread only; in any other thread nothing is caught.

    Parameters
    ----------
    on_request : callable, optional
        Called with the first signal.
    patience_s : float
        Signals this soon after the first are the first one again: a launcher such as torchrun
        passes on what its processes have seen already.

    Attributes
    ----------
    requested : bool
        Whether a signal came.
    """

    def __init__(
        self, on_request: Callable[[], None] | None = None, patience_s: float = 0.0
    ) -> None:
        self.requested = False
        self._on_request, self._patience_s = on_request, patience_s
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._receive) for s in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested:
            if now - self._since >= self._patience_s:
                raise KeyboardInterrupt
            return
        self.requested, self._since = True, now
        if self._on_request is not None:
            self._on_request()
