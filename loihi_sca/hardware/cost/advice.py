"""What would shorten a step: changes that are estimated, not guessed.

Every change is made to the architecture, mapped anew and timed at the spikes per neuron and step
that the network has now. Only what then shortens the step is advised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loihi_sca.hardware.cost.activity import Activity, LayerCounts, from_rates
from loihi_sca.hardware.cost.latency import LatencyEstimate, latency
from loihi_sca.hardware.cost.load import loads
from loihi_sca.hardware.mapping.mapper import map_network
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture

SHARES = ((3, 4), (1, 2), (1, 4))
"""Shares of a layer's channels that are tried, the mildest first."""

WORTH = 1 / 8
"""How much shorter a step must get, of the step as it is, to be worth a layer's channels."""

MOST_TOLD = 4
"""Layers that are named one by one in a sentence."""


@dataclass(frozen=True)
class Advice:
    """A change, and what it brings.

    Attributes
    ----------
    text : str
        For people.
    channels : dict of layer name to int
        Channels, or neurons of a dense layer, to be left; empty where channels do not help.
    timesteps : int or None
        Steps per sample, where only fewer of them help.
    step_us, sample_us : float
        Best values with the change made.
    """

    text: str
    channels: dict[str, int] = field(default_factory=dict)
    timesteps: int | None = None
    step_us: float | None = None
    sample_us: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the change, without its text."""
        return {
            "channels": self.channels,
            "timesteps": self.timesteps,
            "step_us": self.step_us,
            "sample_us": self.sample_us,
        }


def advise(placement: Placement, activity: Activity, now: LatencyEstimate) -> Advice:
    """Return the mildest change of channels that shortens a step, or else fewer timesteps.

    Tried are the layer that sets the pace, the one whose channels feed it, and all layers at once;
    the layer of the classes and values that come in keep their channels. Of a network that is no
    chain only fewer timesteps are tried.
    """
    step, architecture = now.step_us.best, placement.architecture
    enough = step * (1 - WORTH)
    for candidates in _candidates(architecture, now, enough):
        timed = [(_step(placement, activity, channels), channels) for channels in candidates]
        if not timed:
            continue
        shortest, channels = min(timed, key=lambda x: x[0])
        if shortest <= enough:
            text = (
                f"{_pace(now)} With {_told(architecture, channels)} a step takes {shortest:.3g} "
                "us, if neurons spike as often as now."
            )
            return Advice(text, channels, None, shortest, shortest * now.timesteps)
    fewer = (now.timesteps + 1) // 2
    tried = "No change of channels shortens it by an eighth"
    if architecture.sources:
        tried = "It is no chain, for which no change of channels is tried"
    if fewer == now.timesteps:
        return Advice(f"{_pace(now)} {tried}.")
    text = (
        f"{_pace(now)} {tried}; {fewer} instead of "
        f"{now.timesteps} timesteps take a sample from {now.sample_us.best:.4g} to "
        f"{step * fewer:.4g} us."
    )
    return Advice(text, {}, fewer, step, step * fewer)


def at_the_same_rates(
    activity: Activity, before: Architecture, after: Architecture, profile: Profile
) -> Activity:
    """Return the activity of a changed network whose neurons spike as often as they did."""
    first, steps = before.layers[0], activity.timesteps
    rates = {}
    if first.geometry.kind != "input":
        rates["input"] = activity.input_spikes / max(1, first.geometry.inputs) / steps
    for spec, counts in zip(before.layers, activity.layers, strict=True):
        if spec.geometry.kind != "port":
            rates[spec.name] = counts.spikes / max(1, spec.geometry.neurons) / steps
    then, now = (from_rates(a, profile, 0.0, steps, rates) for a in (before, after))
    # measured counts stay as they were measured where nothing changes
    layers = tuple(
        LayerCounts(
            counts.name,
            _scaled(counts.spikes, old.spikes, new.spikes),
            _scaled(counts.synops, old.synops, new.synops),
            _scaled(counts.updates, old.updates, new.updates),
        )
        for counts, old, new in zip(activity.layers, then.layers, now.layers, strict=True)
    )
    return replace(activity, layers=layers)


def _scaled(count: float, old: float, new: float) -> float:
    return count * new / old if old else count


def _step(placement: Placement, activity: Activity, channels: Mapping[str, int]) -> float:
    """Return the time of a step with the channels changed, the best value in us."""
    profile = placement.profile
    changed = placement.architecture.with_channels(channels)
    busy = at_the_same_rates(activity, placement.architecture, changed, profile)
    spread = loads(map_network(changed, profile), busy)
    return latency(profile, spread, busy.timesteps, 0).step_us.best


def _candidates(
    architecture: Architecture, now: LatencyEstimate, enough: float
) -> Iterator[list[dict[str, int]]]:
    """Yield changes to be compared with each other, the mildest first."""
    if architecture.sources:
        return
    names = [spec.name for spec in architecture.layers]
    own = _owner(architecture, names.index(now.binding.layer))
    near = [own, _owner(architecture, own - 1)] if own else [own]
    free = [i for i in range(len(names)) if _is_free(architecture, i)]
    # a layer as slow that the change does not touch would still be as slow
    slow = {x.layer for x in now.layers if (x.time_us + now.barrier_us).best > enough}
    near = [i for i in near if i in free and slow <= _touched(architecture, i)]
    for share in SHARES:
        yield [c for i in near if (c := _fewer(architecture, [i], share))]
        if together := _fewer(architecture, free, share):
            yield [together]


def _owner(architecture: Architecture, i: int) -> int:
    """Return the layer that decides how many channels layer ``i`` has."""
    while i > 0 and architecture.layers[i].geometry.keeps_channels:
        i -= 1
    return i


def _is_free(architecture: Architecture, i: int) -> bool:
    """Tell whether a layer's channels can be chosen: not those of the classes or of groups."""
    layers = architecture.layers
    if not layers[i].has_synapses or layers[i].geometry.keeps_channels:
        return False
    behind = next((s for s in layers[i + 1 :] if not s.geometry.keeps_channels), None)
    return behind is not None and layers[i].geometry.groups == behind.geometry.groups == 1


def _touched(architecture: Architecture, i: int) -> set[str]:
    """Return the layers whose work depends on the channels of layer ``i``, messages included."""
    layers = architecture.layers
    last = i + 1
    while last < len(layers) - 1 and layers[last].geometry.keeps_channels:
        last += 1
    return {spec.name for spec in layers[max(0, i - 1) : last + 1]}


def _fewer(architecture: Architecture, chosen: list[int], share: tuple[int, int]) -> dict[str, int]:
    part, whole = share
    counts = {architecture.layers[i].name: architecture.layers[i].shape[0] for i in chosen}
    fewer = {name: -(-count * part // whole) for name, count in counts.items()}
    return {name: count for name, count in fewer.items() if count < counts[name]}


def _pace(now: LatencyEstimate) -> str:
    slowest = now.binding
    return (
        f"{slowest.layer} sets the pace with the {slowest.what} of core {slowest.core}: "
        f"{slowest.time_us.best:.3g} of {now.step_us.best:.3g} us per step, the barrier takes "
        f"{now.barrier_us.best:.3g}."
    )


def _told(architecture: Architecture, channels: Mapping[str, int]) -> str:
    shapes = {spec.name: spec.shape for spec in architecture.layers}
    if len(channels) > MOST_TOLD:
        left, of = sum(channels.values()), sum(shapes[name][0] for name in channels)
        return (
            f"{left:,} instead of {of:,} channels, all {len(channels)} layers that can be narrowed "
            "cut alike (--json lists them),"
        )
    parts = [
        f"{count} instead of {shapes[name][0]} "
        f"{'channels' if len(shapes[name]) == 3 else 'neurons'} in {name}"
        for name, count in channels.items()
    ]
    return ", ".join(parts)
