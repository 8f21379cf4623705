"""What a study may go for, and where in a result it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loihi_sca.errors import ConfigError


@dataclass(frozen=True)
class Goal:
    """What a study may go for.

    Attributes
    ----------
    direction : {"maximize", "minimize"}
    label : str
        For people, with its unit.
    column : str
        For programs, with its unit.
    of : callable
        ``of(figures, profile)``, of the figures of the validation split.
    """

    direction: str
    label: str
    column: str
    of: Callable[[dict[str, Any], str], float]


OBJECTIVES = {
    "accuracy": Goal(
        "maximize", "validation accuracy", "validation_accuracy", lambda f, _: f["accuracy"]
    ),
    "cores": Goal("minimize", "cores", "cores", lambda f, chip: f["chips"][chip]["cores"]),
    "energy": Goal(
        "minimize",
        "total energy per sample, uJ",
        "total_energy_uj",
        lambda f, chip: f["chips"][chip]["energy_uj"]["best"],
    ),
    "latency": Goal(
        "minimize",
        "time per sample, us",
        "sample_us",
        lambda f, chip: f["chips"][chip]["sample_us"]["best"],
    ),
    "synapse_words": Goal(
        "minimize",
        "words of synapse memory",
        "synapse_words",
        lambda f, chip: f["chips"][chip]["synapse_words"],
    ),
    "synops": Goal("minimize", "synops per sample", "synops_per_sample", lambda f, _: f["synops"]),
}


def goal_of(name: str) -> Goal:
    """Return a goal by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in OBJECTIVES:
        raise ConfigError(f"objective {name!r}: one of {', '.join(OBJECTIVES)}.")
    return OBJECTIVES[name]
