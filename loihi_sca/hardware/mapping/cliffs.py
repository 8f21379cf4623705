"""Cliffs: the channel counts at which a layer gets cheaper, and those at which it gets dearer.

Cores and words are step functions of the channel count, and not even monotone ones: a kernel of 56
channels can take more words than one of 64. A pruner that knows the steps does not stop between
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.mapping.memory import CoreBudget, core_budget_of
from loihi_sca.hardware.mapping.need import Need, cores_and_words
from loihi_sca.hardware.named import AnyNetwork, AnyProfile, as_network, as_profile
from loihi_sca.hardware.range_rules import require_in_range
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.results import Result

if TYPE_CHECKING:
    from rich.table import Table


EACH_BY_ITSELF = (
    "Each layer is cut by itself here; on this chip output axons couple it with its neighbours, so "
    "that a network can take more cores, and a count save more or fewer, than this says: `map` the "
    "network that is left."
)
"""Said of cliffs on Loihi 1."""


@dataclass(frozen=True)
class Cliff:
    """A channel count that is cheaper than all larger ones.

    Attributes
    ----------
    channels : int
    cores, following_cores : int
        Of the layer, and of the layers that the count of channels goes into.
    words : int
        Of the layer's fullest core.
    saved_cores, saved_words : int
        Against the layer as it is, on all cores of the layer and of those that follow.
    """

    channels: int
    cores: int
    following_cores: int
    words: int
    saved_cores: int
    saved_words: int


@dataclass(frozen=True)
class LayerCliffs:
    """The cliffs of one layer.

    Attributes
    ----------
    layer : str
    channels : int
        As it is.
    need : Need
        As it is.
    following_cores : int
        Cores of the layers that its channels go into.
    cliffs : tuple of Cliff
        Fewer and fewer channels.
    dearer : tuple of int
        Smaller channel counts at which the layer itself takes more words than as it is.
    """

    layer: str
    channels: int
    need: Need
    following_cores: int
    cliffs: tuple[Cliff, ...]
    dearer: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the cliffs as JSON values."""
        return {
            "layer": self.layer,
            "channels": self.channels,
            "cores": self.need.cores,
            "following_cores": self.following_cores,
            "synapse_words": self.need.words,
            "cliffs": [dict(cliff.__dict__) for cliff in self.cliffs],
            "dearer": list(self.dearer),
        }


class Cliffs(Result, tuple[LayerCliffs, ...]):
    """The cliffs of a network, layer by layer.

    Attributes
    ----------
    network, profile : str
        Their names.
    note : str
        What the figures leave out, if anything.
    """

    network: str
    profile: str
    note: str

    def __new__(
        cls, layers: Iterable[LayerCliffs], network: str, profile: str, note: str = ""
    ) -> Cliffs:
        """Take layers, the names of network and profile, and what is left out."""
        found = super().__new__(cls, layers)
        found.network, found.profile, found.note = network, profile, note
        return found

    def of(self, layer: str) -> Cliffs:
        """Return the cliffs of one layer.

        Raises
        ------
        ConfigError
            There is no such layer, or it has none.
        """
        known = [x.layer for x in self]
        if layer not in known:
            raise ConfigError(
                f"layer {layer!r}: layers with cliffs are {', '.join(known) or 'none'}."
            )
        chosen = (x for x in self if x.layer == layer)
        return Cliffs(chosen, self.network, self.profile, self.note)

    def about(self) -> str:
        """Return the numbers of cliffs in a line."""
        each = ", ".join(f"{x.layer} {len(x.cliffs)}" for x in self)
        return f"{self.network!r} on {self.profile}: {each or 'none'}"

    def as_json(self) -> dict[str, Any]:
        """Return the cliffs of all layers."""
        layers = [x.as_json() for x in self]
        about = {"network": self.network, "profile": self.profile, "note": self.note or None}
        return {"schema": 1, **about, "layers": layers}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per cliff."""
        return [{"layer": x.layer, **cliff.__dict__} for x in self for cliff in x.cliffs]

    def columns(self) -> list[str]:
        """Return the layer and the fields of a cliff, also where there is none."""
        return ["layer", *(field.name for field in fields(Cliff))]

    def tables(self, most: int = 6) -> list[Table]:
        """Return the next cheaper counts, at most so many per layer."""
        from loihi_sca.hardware.tables import cliffs_table

        return [cliffs_table(self, self.profile, most, self.note)]


def cliffs(network: AnyNetwork, profile: AnyProfile = "loihi2") -> Cliffs:
    """Return the channel counts at which layers get cheaper, and those at which they get dearer.

    A layer that keeps its input's channels (pooling, depthwise) follows the layer before it, and so
    does the layer behind it. The channels of the last layer are the classes: it has no cliffs. On
    Loihi 1 each layer is cut by itself, without the output axons that couple it with others.

    Parameters
    ----------
    network : Network, Architecture or path
        A netx file, or a TOML file of layers without weights.
    profile : Profile, str or path
        The chip, or its name.

    Returns
    -------
    Cliffs
        A tuple of :class:`LayerCliffs`, one for every layer with channels of its own.

    Raises
    ------
    ConfigError
        There is no such chip.
    DoesNotFit
        The chip does not hold the network whatever its channels, such as one of messages without
        payloads.
    NetworkError, UnsupportedLayer
        The file cannot be read, or the network is no chain.

    Examples
    --------
    >>> import loihi_sca
    >>> dense = loihi_sca.plan("digits", "cores=4").dense
    >>> [layer.layer for layer in loihi_sca.cliffs(dense, "loihi2")]
    ['conv1', 'conv2', 'dense3']
    """
    profile = as_profile(profile)
    architecture, budget = describe(as_network(network)), core_budget_of(profile)
    require_in_range(architecture.layers, profile)
    if architecture.sources:
        raise UnsupportedLayer(
            f"{architecture.name}: it is no chain, and cliffs are those of a chain's channels",
            "Map the network, pruned more and less.",
        )
    found = []
    for i, spec in enumerate(architecture.layers):
        followers = _followers(architecture, i)
        put_out = all(geometry.keeps_channels for geometry in followers)
        if spec.has_synapses and not spec.geometry.keeps_channels and not put_out:
            found.append(_layer_cliffs(spec, followers, budget))
    note = EACH_BY_ITSELF if budget.couples_neighbours else ""
    return Cliffs(found, architecture.name, profile.name, note)


def _followers(architecture: Architecture, i: int) -> list[Geometry]:
    """Return the layers whose input channels are those of layer ``i``."""
    followers = []
    for spec in architecture.layers[i + 1 :]:
        followers.append(spec.geometry)
        if not spec.geometry.keeps_channels:
            break
    return followers


def _layer_cliffs(spec: LayerSpec, followers: list[Geometry], budget: CoreBudget) -> LayerCliffs:
    now = spec.geometry.out_shape[0]
    # whoever hears or sends channels in groups has groups of one size only
    step = math.lcm(spec.geometry.groups, followers[-1].groups)
    need = cores_and_words(spec.geometry, budget)
    next_cores, next_words = _following(spec.geometry, followers, budget, now)
    cheapest = (need.cores + next_cores, need.total_words)
    cheaper, dearer = [], []
    for channels in range(now - step, 0, -step):
        own = cores_and_words(spec.geometry, budget, channels)
        if own.total_words > need.total_words:
            dearer.append(channels)
        their_cores, their_words = _following(spec.geometry, followers, budget, channels)
        cores = own.cores + their_cores
        if cores < cheapest[0] or (cores == cheapest[0] and own.total_words < cheapest[1]):
            cheapest = (cores, min(own.total_words, cheapest[1]))
            cheaper.append(
                Cliff(
                    channels,
                    own.cores,
                    their_cores,
                    own.words,
                    need.cores + next_cores - cores,
                    need.total_words + next_words - own.total_words - their_words,
                )
            )
    return LayerCliffs(spec.name, now, need, next_cores, tuple(cheaper), tuple(dearer))


def _following(
    geometry: Geometry, followers: list[Geometry], budget: CoreBudget, channels: int
) -> tuple[int, int]:
    """Return cores and words of the following layers for so many channels going into them."""
    cores = words = 0
    positions = geometry.out_shape[1] * geometry.out_shape[2]
    for follower in followers:
        flattened = follower.kind == "dense"
        needed = cores_and_words(
            follower, budget, inputs=channels * positions if flattened else channels
        )
        cores, words = cores + needed.cores, words + needed.total_words
        positions = follower.out_shape[1] * follower.out_shape[2]
    return cores, words
