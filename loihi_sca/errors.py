"""Every error that loihi-sca raises on purpose, with the exit code that the command line gives it.

A message names the subject, the actual value, the limit and what to do about it.
"""

from __future__ import annotations


class LoihiScaError(Exception):
    """Base of all errors a user can cause and mend.

    Attributes
    ----------
    exit_code : int
        What the process returns when the error reaches the command line.
    """

    exit_code = 1


class ConfigError(LoihiScaError):
    """A recipe, profile or option that cannot be what the user meant."""

    exit_code = 2


class NetworkError(LoihiScaError):
    """A network whose parts do not fit together, or a file that does not hold one."""


class InputError(LoihiScaError):
    """Data of the wrong shape, type or range."""


class UnsupportedLayer(LoihiScaError):
    """A block that cannot be brought to the chip exactly.

    Parameters
    ----------
    reason : str
        What it is or does and why that cannot be exact, without a full stop.
    instead : str
        What to do about it, in sentences; empty where the reason says all there is.
    """

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(reason, instead)  # both: what is pickled is made anew from them
        self.reason = reason
        self.instead = instead

    def __str__(self) -> str:
        return f"{self.reason}. {self.instead}" if self.instead else self.reason


class TrainingError(LoihiScaError):
    """Training that cannot go on, for example because the loss is no longer a number."""


class BudgetError(TrainingError):
    """A budget that turns out of reach when the structure is updated; the state is saved."""


class DataError(TrainingError):
    """Samples that cannot be read while training; what was learnt so far is sound."""


class Interrupted(LoihiScaError):
    """The user stopped what was under way; the message says what is saved."""

    exit_code = 130


class DoesNotFit(LoihiScaError):
    """A network that breaks a limit of the chip."""

    exit_code = 3


class NotBitExact(LoihiScaError):
    """Two executions of one network that should agree spike for spike, and do not."""

    exit_code = 4


class BackendError(LoihiScaError):
    """Lava's backend, or Ray, failed, hung or died; the message quotes its last words."""


def is_interrupt(error: BaseException | None) -> bool:
    """Tell whether an error is Ctrl-C or was caused by it.

    A module of C that is interrupted while it loads fails with an error of its own.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
