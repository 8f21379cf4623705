"""What a user says of pruning in a call, brought into a recipe's terms."""

from __future__ import annotations

from typing import Any

from loihi_sca.config import BUDGETS, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.pruning.schedule import Schedule
from loihi_sca.toml_files import validate

UPDATES = 20
"""Updates over a training whose epochs are not known."""


def config_of(
    config: PruningConfig | None, budget: str | None, chip: str | None, criterion: str | None
) -> PruningConfig:
    """Return a configuration with what a call names in the place of what it says.

    Raises
    ------
    ConfigError
        There is no such budget, or it cannot be meant.
    """
    config = config or PruningConfig()
    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    if budget is not None:
        name, amount = _parsed(budget)
        values = {k: v for k, v in values.items() if k not in BUDGETS} | {name: amount}
        if name == "keep" and isinstance(amount, float) and values["regenerate"] >= amount > 0:
            values["regenerate"] = amount / 2
    if chip is not None:
        values["profile"] = chip
    if criterion is not None:
        values["criterion"] = criterion
    return validate(PruningConfig, values, "pruner")


def _parsed(text: str) -> tuple[str, float | int | str]:
    name, equals, amount = (part.strip() for part in text.partition("="))
    if name not in BUDGETS or not equals:
        raise ConfigError(
            f"budget {text!r}: give NAME=AMOUNT with one of {', '.join(BUDGETS)}, such as cores=8."
        )
    if name == "fits":
        return name, amount
    try:
        return name, int(amount) if name in ("cores", "synapse_words") else float(amount)
    except ValueError:
        raise ConfigError(f"budget {text!r}: {amount!r} is no number that will do.") from None


def schedule_of(
    config: PruningConfig, steps: int | None, steps_per_epoch: int | None
) -> Schedule | None:
    """Return the schedule of a training of so many steps; None where they are not known.

    Raises
    ------
    ConfigError
        The steps are none, or no whole number of epochs.
    """
    if steps is None:
        return None
    if steps < 1:
        raise ConfigError(f"steps = {steps}: a training has at least one.")
    if steps_per_epoch is None:
        if config.interval_steps is None:
            interval = max(1, round(steps / UPDATES))
            config = config.model_copy(update={"interval_steps": interval})
        return Schedule(config, 1, steps)
    if steps_per_epoch < 1 or steps % steps_per_epoch:
        raise ConfigError(
            f"steps = {steps} is no whole number of epochs of steps_per_epoch = {steps_per_epoch}."
        )
    return Schedule(config, steps // steps_per_epoch, steps_per_epoch)
