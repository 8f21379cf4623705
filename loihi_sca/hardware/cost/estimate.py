"""The estimate: cores, energy and latency of a network on a chip, in one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.cost.activity import Activity, from_rates, from_run, require_same
from loihi_sca.hardware.cost.advice import Advice, advise
from loihi_sca.hardware.cost.energy import EnergyEstimate, energy
from loihi_sca.hardware.cost.latency import LatencyEstimate, latency
from loihi_sca.hardware.cost.load import loads
from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.mapping.compiler_table import compiler_table
from loihi_sca.hardware.mapping.mapper import map_network
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.named import AnyNetwork, AnyProfile, as_network, as_profile
from loihi_sca.hardware.rules import find_violations
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.violations import Violation
from loihi_sca.network.activity import LayerActivity
from loihi_sca.results import Result, flat

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 1
"""Version of the JSON form."""


class Counted(Protocol):
    """What has run and was counted, such as a :class:`loihi_sca.engine.result.RunResult`."""

    @property
    def activity(self) -> tuple[LayerActivity, ...]:
        """One per layer, summed over the samples."""

    @property
    def samples(self) -> int:
        """Number of samples."""

    @property
    def timesteps(self) -> int:
        """Steps per sample."""


@dataclass(frozen=True, repr=False)
class Estimate(Result):
    """What a network needs on a chip.

    Attributes
    ----------
    placement : Placement
    violations : tuple of Violation
        Empty if it fits.
    energy : EnergyEstimate or None
    latency : LatencyEstimate or None
        None where no activity is known.
    """

    placement: Placement
    violations: tuple[Violation, ...]
    energy: EnergyEstimate | None = None
    latency: LatencyEstimate | None = None

    @property
    def cores(self) -> int:
        """Number of cores."""
        return self.placement.cores

    @property
    def cores_low(self) -> int:
        """Lower edge of the band on cores, see :attr:`Placement.cores_low`."""
        return self.placement.cores_low

    @property
    def chips(self) -> int:
        """Number of chips."""
        return self.placement.chips

    @property
    def fits(self) -> bool:
        """Whether no limit is broken."""
        return not self.violations

    @property
    def total_energy_uj(self) -> float | None:
        """Best value of dynamic and static energy per sample, None where not known."""
        return None if self.energy is None else self.energy.total_uj.best

    @cached_property
    def advice(self) -> Advice | None:
        """What would shorten a step, None where nothing is known; takes some estimates more."""
        if self.energy is None or self.latency is None:
            return None
        return advise(self.placement, self.energy.activity, self.latency)

    @property
    def step_time_us(self) -> float | None:
        """Best value of the time per step, None where not known."""
        return None if self.latency is None else self.latency.step_us.best

    def as_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values, see ``docs/hardware.md``."""
        return {
            "schema": SCHEMA,
            "network": self.placement.architecture.name,
            "profile": self.placement.profile.name,
            "cores": self.cores,
            "cores_low": self.cores_low,
            "chips": self.chips,
            "layers": [_layer_as_json(x, self.placement.profile) for x in self.placement.layers],
            "energy": None if self.energy is None else self.energy.as_json(),
            "latency": self._latency_as_json(),
            "violations": [v.as_json() for v in self.violations],
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat row per layer, with its share of the energy where that is known."""
        known = self.as_json()
        spent = {x["name"]: x for x in (known["energy"] or {"layers": ()})["layers"]}
        return flat({**layer, **spent.get(layer["name"], {})} for layer in known["layers"])

    def about(self) -> str:
        """Return cores, energy and latency in a line."""
        said = f"{self.placement.about()}, {'fits' if self.fits else 'does not fit'}"
        if self.energy is None or self.latency is None:
            return said
        total, time = self.energy.total_uj.best, self.latency.sample_us.best
        return f"{said}, {total:.4g} uJ and {time:.4g} us per sample"

    def tables(self) -> list[Table]:
        """Return cores, the columns of the chip's compiler, energy and latency."""
        from loihi_sca.hardware.cost.tables import cost_tables
        from loihi_sca.hardware.tables import compiler_tables, cores_table

        placement = self.placement
        return [cores_table(placement), *compiler_tables(placement), *cost_tables(self)]

    def _latency_as_json(self) -> dict[str, Any] | None:
        advice = self.advice
        if self.latency is None or advice is None:
            return None
        return {**self.latency.as_json(), "advice": advice.text, "change": advice.as_json()}


def estimate(
    network: AnyNetwork,
    profile: AnyProfile = "loihi2",
    activity: Sequence[LayerActivity] | Activity | Counted | None = None,
    samples: int | None = None,
    timesteps: int | None = None,
    board: str | None = None,
    *,
    rate: float | None = None,
) -> Estimate:
    """Estimate what a network needs on a chip.

    Parameters
    ----------
    network : Network, Architecture or path
        Also one that can be mapped but not simulated; a netx file, or a TOML file of layers.
    profile : Profile, str or path
        The chip and its compiler, or its name.
    activity : result, sequence of LayerActivity, Activity or None
        What :func:`loihi_sca.run` or :func:`loihi_sca.evaluate` returned; its activity alone,
        summed over ``samples``; or counts per sample made by
        :mod:`loihi_sca.hardware.cost.activity`. Without it there is no energy and no latency.
    samples : int, optional
        Samples that an engine's activity alone was summed over, by default 1.
    timesteps : int, optional
        Steps per sample, by default what the activity says, or else the network. Where a result or
        counts say samples or timesteps themselves, what is given must be the same.
    board : str, optional
        One of the profile's boards, for static power; by default the profile's own choice.
    rate : float, optional
        Spikes per neuron and step, instead of an activity.

    Returns
    -------
    Estimate
        Cores, violated limits, and where the activity is known energy in uJ and latency in us.

    Raises
    ------
    ConfigError
        The profile has no such board, or activity and rate are both given or mixed up.
    InputError
        The activity is of another network, other samples or other timesteps, or timesteps are not
        known.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> found = loihi_sca.estimate(network, "loihi2", rate=0.1)
    >>> found.cores, found.fits, found.energy.total_uj.best > 0
    (1, True, True)
    """
    profile = as_profile(profile)
    profile.board(board)
    architecture = describe(as_network(network))
    placement = map_network(architecture, profile)
    if rate is not None:
        if activity is not None:
            raise ConfigError("activity and rate: give one of them.")
        if samples is not None:
            raise ConfigError(f"samples = {samples}: a rate is that of every sample.")
        activity = from_rates(architecture, profile, rate, timesteps)
    violations = find_violations(placement)
    if activity is None or not placement.cores:
        return Estimate(placement, violations)
    if isinstance(activity, int | float):
        raise ConfigError(f"activity = {activity}: a number is a rate. Give rate={activity}.")
    if not isinstance(activity, Sequence):
        counted = 1 if isinstance(activity, Activity) else activity.samples
        require_same(samples, counted, "samples")
        require_same(timesteps, activity.timesteps, "timesteps per sample")
        samples, timesteps = counted, activity.timesteps
    if not isinstance(activity, Activity):
        told = activity if isinstance(activity, Sequence) else activity.activity
        activity = from_run(
            told, architecture, profile, 1 if samples is None else samples, timesteps
        )
    spread = loads(placement, activity)
    time = latency(profile, spread, activity.timesteps, architecture.depth)
    return Estimate(
        placement, violations, energy(placement, activity, spread, time.sample_us, board), time
    )


def _layer_as_json(layer: LayerPlacement, profile: Profile) -> dict[str, Any]:
    spec = layer.spec
    cores = layer.cores
    table = compiler_table(layer, profile)
    return {
        "name": spec.name,
        "type": spec.type,
        "shape": list(spec.shape),
        "neurons": int(layer.neurons.sum()),
        "weight_bits": core_budget_of(profile).widest_bits(spec.geometry),
        "synapse_words": int(layer.words.max(initial=0)),
        "cores": cores,
        "neurons_per_core": int(layer.neurons.max(initial=0)),
        "binding": layer.binding,
        "utilisation": layer.utilisation,
        "synapse_words_mean": float(layer.words.mean()) if cores else 0.0,
        "neurons_per_core_mean": float(layer.neurons.mean()) if cores else 0.0,
        "in_axons": int(layer.in_axons.max(initial=0)),
        "out_axons": int(layer.out_axons.max(initial=0)),
        "compiler_table": None if table is None else table.as_json(),
    }
