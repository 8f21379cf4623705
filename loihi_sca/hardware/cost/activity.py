"""How busy a network is: spikes, synops and updates per sample, from a run, from rates or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from loihi_sca.errors import InputError
from loihi_sca.hardware.mapping.usage import connections, recurrent_connections
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture, LayerSpec
from loihi_sca.network.activity import LayerActivity
from loihi_sca.whole import is_whole

MOST = 2**31 - 1
"""The largest number of samples or timesteps that is taken for one."""

LEEWAY = {"synops": 1 + 1e-9, "spikes": 1 + 1e-9, "updates": 2.0}
"""By how many times counts measured elsewhere may be above what the network can do: chips count
updates in their own ways, those of PilotNet LIF are 1.15 times ours."""


@dataclass(frozen=True)
class LayerCounts:
    """What one layer does per sample.

    Attributes
    ----------
    name : str
    spikes : float
        Spikes it sends.
    synops : float
        Synaptic operations it receives.
    updates : float
        Compartment updates: timesteps times neurons times compartments per neuron.
    """

    name: str
    spikes: float
    synops: float
    updates: float


@dataclass(frozen=True)
class Activity:
    """What a network does per sample.

    Attributes
    ----------
    layers : tuple of LayerCounts
        One per layer of the network, in order.
    input_spikes : float
        Spikes that come from the host, 0 where an input layer makes them on the chip.
    timesteps : int
        Steps per sample.
    source : str
        Where the counts come from, for people.
    """

    layers: tuple[LayerCounts, ...]
    input_spikes: float
    timesteps: int
    source: str

    @property
    def synops(self) -> float:
        """Synaptic operations per sample."""
        return sum(layer.synops for layer in self.layers)

    @property
    def updates(self) -> float:
        """Compartment updates per sample."""
        return sum(layer.updates for layer in self.layers)

    @property
    def spikes(self) -> float:
        """Spikes per sample, those from the host included."""
        return sum(layer.spikes for layer in self.layers) + self.input_spikes


def from_run(
    counted: Sequence[LayerActivity],
    architecture: Architecture,
    profile: Profile,
    samples: int,
    timesteps: int | None = None,
) -> Activity:
    """Return the activity that an engine counted over a number of samples.

    The engine counts one update per neuron and step; the chip makes one per compartment. The counts
    say how many steps a sample had, which need not be what the network's file says.

    Raises
    ------
    InputError
        The counts are of another network, of other samples or timesteps than given, or timesteps
        are not known.
    """
    by_name = {layer.name: layer for layer in counted}
    names = [spec.name for spec in architecture.layers]
    missing = [name for name in names if name not in by_name]
    if missing or len(by_name) != len(names):
        raise InputError(
            f"the activity names the layers {list(by_name)}, but network {architecture.name!r} "
            f"has {names}."
        )
    for spec in architecture.layers:
        ran = by_name[spec.name].neurons
        if spec.geometry.kind != "port" and ran not in (0, spec.geometry.neurons):
            raise InputError(
                f"the activity is of {ran} neurons in {spec.name}, and network "
                f"{architecture.name!r} has {spec.geometry.neurons} there."
            )
    if not is_whole(samples, 1):
        raise InputError(f"activity of {samples} samples: a whole number from 1 is needed.")
    layers = []
    for spec in architecture.layers:
        found = by_name[spec.name]
        on_chip = spec.geometry.kind != "port"
        compartments = profile.compartments_per_neuron(spec.geometry.neuron)
        layers.append(
            LayerCounts(
                spec.name,
                found.spikes / samples if on_chip else 0.0,
                found.synops / samples,
                found.updates * compartments / samples,
            )
        )
    counted_steps = _steps_of(counted, samples)
    if timesteps is not None and counted_steps not in (None, timesteps):
        raise InputError(
            f"the activity is of {counted_steps} timesteps per sample, not of {timesteps}: give "
            "the samples and timesteps of the run."
        )
    timesteps = counted_steps or timesteps or architecture.timesteps
    if timesteps is None:
        raise InputError("the activity does not say how many timesteps a sample has.")
    first = architecture.layers[0]
    from_host = by_name[first.name].spikes / samples if first.geometry.kind == "port" else None
    plural = "sample" if samples == 1 else "samples"
    return Activity(
        tuple(layers),
        input_spikes_of(first, layers[0]) if from_host is None else from_host,
        timesteps,
        f"counted over {samples} {plural}",
    )


def from_rates(
    architecture: Architecture,
    profile: Profile,
    rate: float,
    timesteps: int | None = None,
    rates: Mapping[str, float] | None = None,
) -> Activity:
    """Return the activity at given firing rates, through the real connectivity.

    Parameters
    ----------
    rate : float
        Spikes per neuron and timestep, of the input and of every layer.
    rates : mapping of layer name to float, optional
        Layers with a rate of their own; ``input`` is what comes from the host.

    Raises
    ------
    InputError
        A rate is not within 0 and 1, a layer is unknown, nothing comes from the host or it is told
        twice; or timesteps are not known, or no whole number from 1.
    """
    own = dict(rates or {})
    known = {spec.name for spec in architecture.layers} | {"input"}
    if unknown := sorted(set(own) - known):
        raise InputError(f"rates for unknown layers {unknown}; there are {sorted(known)}.")
    for what, value in {"rate": rate, **own}.items():
        if not isinstance(value, Real) or not 0 <= value <= 1:
            told = f"{value:g}" if isinstance(value, Real) else repr(value)
            raise InputError(
                f"{what} is {told}; spikes per neuron and step are from 0 to 1, since a neuron "
                "spikes at most once in a step."
            )
    steps = architecture.timesteps if timesteps is None else timesteps
    if steps is None:
        raise InputError(
            "rates need the timesteps per sample, which the network does not say. Give timesteps."
        )
    if not is_whole(steps, 1, MOST):
        raise InputError(f"timesteps is {steps!r}, must be a whole number from 1 to {MOST}.")
    first = architecture.layers[0]
    arriving = _arriving(first, rate, own)
    input_spikes = arriving * steps * first.geometry.inputs
    layers: list[LayerCounts] = []
    sent: list[float] = []  # per neuron and sample
    for index, spec in enumerate(architecture.layers):
        geometry, spikes = spec.geometry, own.get(spec.name, rate) * steps
        if geometry.kind == "port":
            layers.append(LayerCounts(spec.name, 0.0, 0.0, 0.0))
            sent.append(arriving * steps)
            continue
        synops = sum(
            (arriving * steps if source is None else sent[source]) * connections(table)
            for table, source in architecture.links(index)
        )
        synops += spikes * recurrent_connections(geometry)
        updates = steps * geometry.neurons * profile.compartments_per_neuron(geometry.neuron)
        layers.append(LayerCounts(spec.name, spikes * geometry.neurons, synops, float(updates)))
        sent.append(spikes)
    return Activity(tuple(layers), input_spikes, steps, f"assumed rate {rate:g} per step")


def _arriving(first: LayerSpec, rate: float, own: Mapping[str, float]) -> float:
    """Return the spikes from the host per place and step; a port is called as its file does."""
    names = {"input"} if first.geometry.kind != "input" else set()
    if first.geometry.kind == "port":
        names.add(first.name)
    elif not names and "input" in own and first.name != "input":
        raise InputError(
            f"input is {own['input']:g}, but no spikes come from the host: values drive the "
            f"neurons of {first.name}. Give the rate of {first.name}."
        )
    told = sorted(names & set(own))
    if len(told) > 1:
        raise InputError(f"{told[0]} and {told[1]} are the same spikes. Give one rate.")
    return (own[told[0]] if told else rate) if names else 0.0


def from_totals(
    architecture: Architecture,
    profile: Profile,
    synops: float,
    updates: float | None = None,
    spikes: float | None = None,
    timesteps: int | None = None,
    source: str = "given totals",
) -> Activity:
    """Return an activity with given totals per sample, spread as a uniform rate would.

    Parameters
    ----------
    synops, updates, spikes : float
        Per sample, for the whole network; updates are the chip's, per compartment. What is not
        given follows from the rate at which ``synops`` come out.

    Raises
    ------
    InputError
        They are more than the network has when every neuron spikes at every step.
    """
    unit = from_rates(architecture, profile, 1.0, timesteps)
    for what, given in (("synops", synops), ("spikes", spikes), ("updates", updates)):
        most = getattr(unit, what)
        if given is not None and not 0 <= given <= most * LEEWAY[what]:
            raise InputError(
                f"{given:g} {what} per sample of {unit.timesteps} timesteps; the network has "
                f"{most:g} when every neuron spikes at every step. Give the totals of one sample, "
                "and its timesteps."
            )
    factors = {
        "synops": synops / unit.synops if unit.synops else 0.0,
        "updates": 1.0 if updates is None else updates / unit.updates,
    }
    default = factors["synops"]
    factors["spikes"] = default if spikes is None else spikes / unit.spikes
    layers = tuple(
        LayerCounts(
            x.name,
            x.spikes * factors["spikes"],
            x.synops * factors["synops"],
            x.updates * factors["updates"],
        )
        for x in unit.layers
    )
    return Activity(layers, unit.input_spikes * factors["spikes"], unit.timesteps, source)


def input_spikes_of(first: LayerSpec, counts: LayerCounts) -> float:
    """Return the spikes from the host that the first layer's synops mean."""
    if first.geometry.kind in ("port", "input"):
        return 0.0
    geometry = first.geometry
    own = counts.spikes * recurrent_connections(geometry) / geometry.neurons
    return (counts.synops - own) * geometry.inputs / max(1, connections(geometry))


def require_same(given: int | None, known: int, what: str) -> None:
    """Raise :class:`InputError` where something else is given than an activity says itself."""
    if given not in (None, known):
        raise InputError(
            f"the activity is of {known} {what}, and {given} are given. Leave them out, or give "
            "the activity of such a run."
        )


def _steps_of(counted: Sequence[LayerActivity], samples: int) -> int | None:
    """Return the steps per sample that the updates mean, None where no layer has any.

    Raises
    ------
    InputError
        They are no whole number: the counts are of another number of samples.
    """
    for layer in counted:
        if layer.neurons and layer.updates:
            steps, rest = divmod(layer.updates, layer.neurons * samples)
            if rest or not steps:
                raise InputError(
                    f"{layer.name}: {layer.updates} updates of {layer.neurons} neurons over "
                    f"{samples} samples are no whole number of timesteps. Give the samples of the "
                    "run."
                )
            return steps
    return None
