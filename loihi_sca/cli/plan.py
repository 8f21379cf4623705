"""``loihi-sca plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    from loihi_sca.config import PruningConfig, Recipe
    from loihi_sca.planning.budget import Importance, Plan
    from loihi_sca.planning.meters import Rates
    from loihi_sca.planning.outline import Outline

OBSERVED_SAMPLES = 512
"""Training samples on which a trained run's channels are scored."""


def plan(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")],
    cores: Annotated[int | None, typer.Option(help="Cores of the profile.")] = None,
    synapse_words: Annotated[
        int | None, typer.Option(help="Words of synapse memory on all cores.")
    ] = None,
    energy_uj: Annotated[
        float | None, typer.Option(help="Total energy per sample in uJ, static power included.")
    ] = None,
    synops: Annotated[float | None, typer.Option(help="Fraction of the dense synops.")] = None,
    connections: Annotated[
        float | None, typer.Option(help="Fraction of the dense weights.")
    ] = None,
    keep: Annotated[float | None, typer.Option(help="Fraction of the prunable channels.")] = None,
    fits: Annotated[str | None, typer.Option(help='Chips: "1 chip", "2 chips".')] = None,
    profile: Annotated[str | None, typer.Option(help="Chip profile, if not the recipe's.")] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Run folder: score its channels with the criterion, map its weights."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many channels every layer would keep under a budget, before any training.

    Without a budget the recipe's own is used, and without --run all channels count the same and
    weights are taken to need 8 bits; fewer hardly ever take more cores.

    Example:

        loihi-sca plan digits --cores 4
    """
    from loihi_sca import data
    from loihi_sca.config import load_recipe
    from loihi_sca.planning.outline import outline_of
    from loihi_sca.planning.planner import plan_recipe

    given = {
        "cores": cores, "synapse_words": synapse_words, "energy_uj": energy_uj, "synops": synops,
        "connections": connections, "keep": keep, "fits": fits, "profile": profile,
    }  # fmt: skip
    parsed = load_recipe(recipe)
    config = _config(parsed, {name: value for name, value in given.items() if value is not None})
    parsed = parsed.model_copy(update={"pruning": config})
    shape, classes = data.shape_of(parsed.data.name)
    outline = outline_of(parsed, shape, classes)
    importance, bits = (None, {}) if run is None else _measured(run, config, outline)
    rates, known = _rates(parsed, config)
    found = plan_recipe(parsed, shape, classes, rates, importance, bits)
    summary = _summary(found, outline.with_bits(bits), config)
    summary |= {
        "rates": known,
        "importance": "uniform" if run is None else f"{config.criterion} of {run}",
        "weight_bits": bits or None,
        "weight_bits_assumed": 8,
    }
    if as_json:
        emit_json(summary)
    else:
        console.print(_table(summary))


def _config(recipe: Recipe, given: dict[str, Any]) -> PruningConfig:
    """Return the recipe's pruning section with what the command line says."""
    from loihi_sca.config import Budget, PruningConfig

    try:
        Budget.given_in(given)
    except ConfigError as error:
        raise ConfigError(str(error) if "budget " in str(error) else f"budget: {error}") from None
    return (recipe.pruning or PruningConfig()).changed(given, "budget")


def _rates(recipe: Recipe, config: PruningConfig) -> tuple[Rates | None, str]:
    """Return the rates that a training would start from, if they matter, and what is known."""
    if not config.budget.needs_rates:
        return None, "of no account"
    from loihi_sca.training.rates import rates_of
    from loihi_sca.training.session import load_split

    try:
        found = rates_of(recipe, load_split(recipe, "train").first(recipe.data.limit))
    except InputError:
        return None, "0.1 spikes per neuron and step assumed, of the input as well: no data"
    measured = f"{found.by_layer['input']:.4f} of the input, measured"
    return found, f"{measured}; {found.otherwise} spikes per neuron and step assumed elsewhere"


def _measured(
    folder: Path, config: PruningConfig, outline: Outline
) -> tuple[Importance, dict[str, int]]:
    """Score the channels of a run; those that it has pruned count nothing. Also weights' bits."""
    import numpy as np

    from loihi_sca.pruning.bits import bits_of
    from loihi_sca.pruning.criteria import criterion_of
    from loihi_sca.pruning.importance import importance_of
    from loihi_sca.training.session import RunFolder, load_split

    _, checkpoint = RunFolder(folder).trained()
    dataset = load_split(checkpoint.recipe, "train").first(OBSERVED_SAMPLES)
    model = checkpoint.model()
    found = importance_of(model, dataset, criterion_of(config.criterion))
    channels = {s.name: s.shape[0] for s in outline.architecture.layers}
    fits = all(len(found.get(n, ())) <= channels[n] for n in outline.prunable)
    if not fits or not outline.prunable <= found.keys():
        raise ConfigError(f"--run {folder}: holds another network than the recipe's.")
    scores = {n: np.pad(found[n], (0, channels[n] - len(found[n]))) for n in outline.prunable}
    has_weights = {s.name for s in outline.architecture.layers if s.geometry.bits}
    return scores, {n: b for n, b in bits_of(model.gated).items() if n in has_weights}


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
    if not outline.architecture.additions:
        summary |= _mapped(found, outline, config.profile, layers)
    return summary


def _mapped(
    found: Plan, outline: Outline, profile: str, layers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Add to each layer, and return for the network, what it takes of a chip."""
    from loihi_sca.hardware import load_profile, map_network

    chip = load_profile(profile)
    dense = map_network(outline.architecture, chip)
    planned = map_network(found.architecture, chip)
    for layer, before, after in zip(layers, dense.layers, planned.layers, strict=True):
        layer["cores"], layer["planned_cores"] = before.cores, after.cores
        layer["synapse_words"] = int(before.words.sum())
        layer["planned_synapse_words"] = int(after.words.sum())
    return {"profile": chip.name, "cores": dense.cores, "planned_cores": planned.cores}


def _table(summary: dict[str, Any]) -> Table:
    (name, given), *_ = summary["budget"].items()
    mapped = "cores" in summary
    where = f"on {summary['profile']}" if mapped else "(not mapped: it has residual blocks)"
    table = Table(
        title=f"{summary['network']} {where}, {name} = {given}: "
        f"{summary['promised']:,.6g} of {summary['limit']:,.6g} {summary['unit']}",
        title_justify="left",
        caption=_caption(summary, mapped),
        caption_justify="left",
    )
    table.add_column("layer")
    table.add_column("type")
    heads = ["channels"] + (["cores", "synapse_words"] if mapped else [])
    for head in heads:
        for column in (head.removeprefix("synapse_"), "planned"):
            table.add_column(column, justify="right")
    for layer in summary["layers"]:
        table.add_row(
            layer["name"],
            layer["type"] if layer["prunable"] else f"{layer['type']}, fixed",
            *(f"{layer[k]:,}" for head in heads for k in (head, f"planned_{head}")),
        )
    if mapped:
        table.add_section()
        table.add_row("all", "", "", "", f"{summary['cores']:,}", f"{summary['planned_cores']:,}")
    return table


def _caption(summary: dict[str, Any], mapped: bool) -> str:
    said = []
    if summary["reason"]:
        said.append(f"Less than the budget: {summary['reason']}.")
    said.append(f"Dense: {summary['dense']:,.6g}. Importance: {summary['importance']}.")
    if mapped and summary["weight_bits"]:
        bits = ", ".join(f"{name} {bits}" for name, bits in summary["weight_bits"].items())
        said.append(f"Bits of the run's weights: {bits}; 8 elsewhere.")
    elif mapped:
        said.append("Weights of 8 bits assumed; fewer hardly ever take more cores.")
    if "assumed" in summary["rates"]:
        said.append(f"Rates: {summary['rates']}.")
    return " ".join(said)
