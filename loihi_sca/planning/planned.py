"""What a plan says, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loihi_sca.config import PruningConfig
from loihi_sca.hardware import Architecture, load_profile, map_network
from loihi_sca.planning.budget import Plan
from loihi_sca.planning.outline import Outline
from loihi_sca.results import Result

if TYPE_CHECKING:
    from rich.table import Table

ASSUMED_BITS = 8
"""Bits of weights that are not trained yet."""


@dataclass(frozen=True, repr=False)
class Planned(Result):
    """How many channels every layer of a recipe would keep under its budget.

    Attributes
    ----------
    plan : Plan
        The counts of channels.
    outline : Outline
        The dense network.
    config : PruningConfig
        The budget, and what else decides.
    rates : str
        What is known of how busy the network is.
    importance : str
        What channels were scored by.
    bits : mapping of str to int
        Bits of the weights of layers, where they are known.
    """

    plan: Plan
    outline: Outline
    config: PruningConfig
    rates: str
    importance: str
    bits: Mapping[str, int]

    @property
    def dense(self) -> Architecture:
        """The network of the recipe, for :func:`loihi_sca.estimate` and the like."""
        return self.outline.architecture

    @property
    def planned(self) -> Architecture:
        """The network with so many channels as planned."""
        return self.plan.architecture

    def about(self) -> str:
        """Return the budget and what is promised in a line."""
        target = self.plan.target
        kept = ", ".join(f"{name} {count}" for name, count in self.plan.channels.items())
        return (
            f"{self.dense.name!r}, {target.budget}: {self.plan.promised:,.6g} of "
            f"{target.limit:,.6g} {target.meter.unit}; {kept}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the plan beside the dense network, layer by layer."""
        return {
            **_summary(self.plan, self.outline, self.config),
            "rates": self.rates,
            "importance": self.importance,
            "weight_bits": dict(self.bits) or None,
            "weight_bits_assumed": ASSUMED_BITS,
        }

    def tables(self) -> list[Table]:
        """Return one row per layer."""
        return [_table(self.as_json())]


def _summary(found: Plan, outline: Outline, config: PruningConfig) -> dict[str, Any]:
    target = found.target
    layers: list[dict[str, Any]] = [
        {
            "name": before.name,
            "type": before.type,
            "channels": before.geometry.out_shape[0],
            "planned_channels": after.geometry.out_shape[0],
            "prunable": before.name in found.channels,
        }
        for before, after in zip(
            outline.architecture.layers, found.architecture.layers, strict=True
        )
    ]
    summary = {
        "schema": 1,
        "network": outline.architecture.name,
        "profile": config.profile,
        "budget": target.budget.as_json(),
        "unit": target.meter.unit,
        "limit": target.limit,
        "dense": target.dense,
        "promised": found.promised,
        "reason": found.reason or None,
        "layers": layers,
    }
    return summary | _mapped(found, outline, config.profile, layers)


def _mapped(
    found: Plan, outline: Outline, profile: str, layers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Add to each layer, and return for the network, what it takes of a chip.

    Relays that only the compiled network has are further layers; what adds to a residual stream
    takes none, since its weights lie with the neurons that read it.
    """
    chip = load_profile(profile)
    dense = map_network(outline.architecture, chip)
    planned = map_network(found.architecture, chip)
    named = {layer["name"]: layer for layer in layers}
    for layer in layers:
        layer |= dict.fromkeys(_TAKEN, 0)
    for before, after in zip(dense.layers, planned.layers, strict=True):
        name = before.spec.name
        if name not in named:
            widths = (x.spec.geometry.out_shape[0] for x in (before, after))
            named[name] = {
                "name": name, "type": "relay", **dict(zip(_WIDTHS, widths, strict=True)),
                "prunable": False,
            }  # fmt: skip
            layers.append(named[name])
        words = (int(x.words.sum()) for x in (before, after))
        named[name] |= dict(zip(_TAKEN, (before.cores, after.cores, *words), strict=True))
    return {"profile": chip.name, "cores": dense.cores, "planned_cores": planned.cores}


_WIDTHS = ("channels", "planned_channels")
_TAKEN = ("cores", "planned_cores", "synapse_words", "planned_synapse_words")


def _table(summary: dict[str, Any]) -> Table:
    (name, given), *_ = summary["budget"].items()
    from rich.table import Table

    table = Table(
        title=f"{summary['network']} on {summary['profile']}, {name} = {given}: "
        f"{summary['promised']:,.6g} of {summary['limit']:,.6g} {summary['unit']}",
        title_justify="left",
        caption=_caption(summary),
        caption_justify="left",
    )
    table.add_column("layer")
    table.add_column("type")
    heads = ("channels", "cores", "synapse_words")
    for head in heads:
        for column in (head.removeprefix("synapse_"), "planned"):
            table.add_column(column, justify="right")
    for layer in summary["layers"]:
        table.add_row(
            layer["name"],
            layer["type"] if layer["prunable"] else f"{layer['type']}, fixed",
            *(f"{layer[k]:,}" for head in heads for k in (head, f"planned_{head}")),
        )
    table.add_section()
    table.add_row("all", "", "", "", f"{summary['cores']:,}", f"{summary['planned_cores']:,}")
    return table


def _caption(summary: dict[str, Any]) -> str:
    said = []
    if summary["reason"]:
        said.append(f"Less than the budget: {summary['reason']}.")
    said.append(f"Dense: {summary['dense']:,.6g}. Importance: {summary['importance']}.")
    if summary["weight_bits"]:
        bits = ", ".join(f"{name} {bits}" for name, bits in summary["weight_bits"].items())
        said.append(f"Bits of the run's weights: {bits}; 8 elsewhere.")
    else:
        said.append("Weights of 8 bits assumed; fewer hardly ever take more cores.")
    if "assumed" in summary["rates"]:
        said.append(f"Rates: {summary['rates']}.")
    return " ".join(said)
