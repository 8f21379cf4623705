"""The table ``pruning`` of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from loihi_sca.config.budgets import BUDGETS, Budget
from loihi_sca.config.sections import Count, Fraction, Section
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import validate

# what a budget allows is said by Budget, in one place for commands and recipes
BudgetNumber: TypeAlias = Annotated[float, Field(strict=True)]
BudgetCount: TypeAlias = Annotated[int, Field(strict=True)]

Objective: TypeAlias = Literal["harmonic", "product", "sum", "rank"]

DEFAULT_KEEP = 0.4
TRUST = 0.5
"""How far scores are believed by default when a budget is divided over layers."""


class PruningConfig(Section):
    """Which channels go, which come back, and when.

    Attributes
    ----------
    criterion : str
        Importance score, one of :data:`loihi_sca.pruning.criteria.CRITERIA`.
    keep : float or None
        Fraction of the prunable channels that is left, regenerated ones included. One budget is
        given, this or one of the following; 0.4 of the channels if none is.
    connections, synops : float or None
        Fraction of the dense network's weights, or of its synaptic operations.
    cores, synapse_words : int or None
        Cores, or words of synapse memory on all cores, that the mapper may use on ``profile``.
    energy_uj : float or None
        Energy per sample on ``profile`` in uJ, as estimated, static power included.
    fits : str or None
        ``"1 chip"``: all cores of so many chips of ``profile``.
    profile : str
        Chip profile that a budget of cores, words, energy or chips is meant for.
    objective : {"harmonic", "product", "sum", "rank"}
        What a budget is spent on: the harmonic mean over the layers of the kept share of
        importance, so that no layer becomes a bottleneck; the product of these shares; the plain
        sum of the kept importance; or, as in the original, the best channels of one list over all
        layers, as many as the budget allows.
    trust : float
        How far scores are believed when ``harmonic`` or ``product`` divide a budget over layers,
        from 0, where all channels of a layer count alike, to 1. Scores tell what channels do now;
        after fine-tuning those that are left do the work of those that went.
    regenerate : float
        Fraction of the prunable channels that is brought back at each update, within the budget.
    regeneration : {"constant", "cosine"}
        Whether that fraction stays, or falls to nothing at ``stop`` along a cosine.
    ranking : {"global", "layer"}
        With ``keep``: the channels of all layers compete, or each layer keeps the same fraction.
    exclude : tuple of str
        Blocks that keep all their channels, by name, such as ``conv1``.
    min_channels : int
        No layer gets fewer.
    schedule : {"constant", "cubic", "cosine"}
        Full sparsity from the first update, or approached along a curve.
    start, stop : float
        First and last update, as fractions of the training; afterwards the structure is frozen
        and the rest of the training fine-tunes it.
    interval : int
        Epochs between updates.
    interval_steps : int or None
        Optimizer steps between updates, instead of epochs.
    """

    criterion: str = "sca"
    keep: BudgetNumber | None = None
    connections: BudgetNumber | None = None
    synops: BudgetNumber | None = None
    cores: BudgetCount | None = None
    synapse_words: BudgetCount | None = None
    energy_uj: BudgetNumber | None = None
    fits: str | None = None
    profile: str = "loihi2"
    objective: Objective = "harmonic"
    trust: Fraction = TRUST
    regenerate: Fraction = 0.1
    regeneration: Literal["constant", "cosine"] = "constant"
    ranking: Literal["global", "layer"] = "global"
    exclude: tuple[str, ...] = ()
    min_channels: Count = 4
    schedule: Literal["constant", "cubic", "cosine"] = "cubic"
    start: Fraction = 0.1
    stop: Fraction = 0.6
    interval: Count = 1
    interval_steps: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = any(values.get(name) is not None for name in BUDGETS)
        return values if given else {**values, "keep": DEFAULT_KEEP}

    @property
    def budget(self) -> Budget:
        """The budget that is given."""
        found = Budget.given_in(dict(self))
        if found is None:  # _one_budget gives the default
            raise ConfigError("pruning: gives no budget.")
        return found

    @model_validator(mode="after")
    def _consistent(self) -> PruningConfig:
        try:
            Budget.given_in(dict(self))
        except ConfigError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        if self.keep is not None and self.regenerate >= self.keep:
            raise ValueError(
                f"regenerate = {self.regenerate} must be below keep = {self.keep}: regenerated "
                "channels are part of those kept"
            )
        if self.start > self.stop:
            raise ValueError(f"start = {self.start} lies behind stop = {self.stop}")
        return self

    def changed(self, changes: Mapping[str, Any], owner: str) -> PruningConfig:
        """Return the section with other values; a budget among them takes the place of its own.

        Parameters
        ----------
        changes : mapping of str to value
            By field.
        owner : str
            What an error starts with.

        Raises
        ------
        ConfigError
            Together they cannot be meant.
        """
        return validate(PruningConfig, self.values_with(changes), owner)

    def values_with(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the section with others in their place, not checked yet.

        Where another kept fraction is not above the regenerated one, half of what is kept is
        regenerated.
        """
        values = self.model_dump(mode="json", exclude_none=True)
        if any(name in changes for name in BUDGETS):
            values = {k: v for k, v in values.items() if k not in BUDGETS}
        values |= changes
        keep, regenerate = changes.get("keep"), values["regenerate"]
        if isinstance(keep, int | float) and regenerate >= keep > 0:
            values["regenerate"] = 0.5 * keep
        return values
