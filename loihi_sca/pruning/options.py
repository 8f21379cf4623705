"""What a user says of pruning in a call, brought into a recipe's terms."""

from __future__ import annotations

from typing import Any

from loihi_sca.config import Budget, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.pruning.schedule import UpdateSchedule

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
    changes: dict[str, Any] = {}
    if budget is not None:
        if not isinstance(budget, str):
            raise ConfigError(f'budget={budget!r}: give it as text, such as "keep=0.5".')
        asked = Budget.parse(budget)
        if len(asked) > 1:
            raise ConfigError(f"budget {budget!r}: one at a time.")
        changes |= asked[0].as_json()
    if chip is not None:
        changes["profile"] = chip
    if criterion is not None:
        changes["criterion"] = criterion
    return (config or PruningConfig()).changed(changes, "pruner")


def schedule_of(
    config: PruningConfig, steps: int | None, steps_per_epoch: int | None
) -> UpdateSchedule | None:
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
        return UpdateSchedule(config, 1, steps)
    if steps_per_epoch < 1 or steps % steps_per_epoch:
        raise ConfigError(
            f"steps = {steps} is no whole number of epochs of steps_per_epoch = {steps_per_epoch}."
        )
    return UpdateSchedule(config, steps // steps_per_epoch, steps_per_epoch)
