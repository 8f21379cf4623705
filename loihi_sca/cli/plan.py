"""``loihi-sca plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.config import PruningConfig, Recipe
    from loihi_sca.planning.budget import Importance, Plan
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
        Path | None, typer.Option(help="Run folder: score its channels with the criterion.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many channels every layer would keep under a budget, before any training.

    Without a budget the recipe's own is used, and without --run all channels count the same.
    Weights are taken to need 8 bits; fewer never take more cores.

    Example:

        loihi-sca plan digits --cores 4
    """
    from loihi_sca import data
    from loihi_sca.config import BUDGETS, load_recipe
    from loihi_sca.planning import budget as budgets
    from loihi_sca.planning.meters import Rates
    from loihi_sca.planning.outline import outline_of, without

    given = (keep, connections, synops, cores, synapse_words, energy_uj, fits)
    parsed = load_recipe(recipe)
    config = _config(parsed, dict(zip(BUDGETS, given, strict=True)), profile)
    outline = outline_of(parsed, *data.shape_of(parsed.data.name))
    _check_excluded(config, outline)
    target = budgets.target_of(config, outline, Rates(parsed.data.timesteps))
    found = budgets.plan(
        without(outline, config.exclude),
        target,
        importance=None if run is None else _importance(run, config, outline),
        floor=config.min_channels,
        objective=config.objective,
        trust=config.trust,
    )
    summary = _summary(found, outline, config, run)
    if as_json:
        emit_json(summary)
    else:
        console.print(_table(summary))


def _config(recipe: Recipe, given: dict[str, Any], profile: str | None) -> PruningConfig:
    """Return the recipe's pruning section with a budget from the command line."""
    from pydantic import ValidationError

    from loihi_sca.config import BUDGETS, PruningConfig

    values = {} if recipe.pruning is None else recipe.pruning.model_dump(mode="json")
    asked = {name: value for name, value in given.items() if value is not None}
    if asked:
        values = {k: v for k, v in values.items() if k not in BUDGETS} | asked
        values["regenerate"] = 0.0  # a plan is about the end of the training
    if profile is not None:
        values["profile"] = profile
    try:
        return PruningConfig.model_validate(values)
    except ValidationError as error:
        problems = [str(e["msg"]).removeprefix("Value error, ") for e in error.errors()]
        where = [".".join(map(str, e["loc"])) for e in error.errors()]
        text = "; ".join(f"{w}: {p}" if w else p for w, p in zip(where, problems, strict=True))
        raise ConfigError(f"budget: {text}.") from error


def _check_excluded(config: PruningConfig, outline: Outline) -> None:
    from loihi_sca.planning.outline import check_excluded

    check_excluded(config.exclude, outline.prunable)


def _importance(folder: Path, config: PruningConfig, outline: Outline) -> Importance:
    """Score the channels of a run; those that it has pruned count nothing."""
    import numpy as np

    from loihi_sca.pruning.criteria import criterion_of
    from loihi_sca.pruning.importance import importance_of
    from loihi_sca.training.session import RunFolder, load_split

    _, checkpoint = RunFolder(folder).trained()
    dataset = load_split(checkpoint.recipe, "train").first(OBSERVED_SAMPLES)
    found = importance_of(checkpoint.model(), dataset, criterion_of(config.criterion))
    channels = {s.name: s.shape[0] for s in outline.architecture.layers}
    fits = all(len(found.get(n, ())) <= channels[n] for n in outline.prunable)
    if not fits or not outline.prunable <= found.keys():
        raise ConfigError(f"--run {folder}: holds another network than the recipe's.")
    return {n: np.pad(found[n], (0, channels[n] - len(found[n]))) for n in outline.prunable}


def _summary(
    found: Plan, outline: Outline, config: PruningConfig, run: Path | None
) -> dict[str, Any]:
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
        "budget": {target.name: target.given},
        "unit": target.meter.unit,
        "limit": target.limit,
        "dense": target.dense,
        "promised": found.promised,
        "importance": "uniform" if run is None else f"{config.criterion} of {run}",
        "weight_bits_assumed": 8,
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
        caption=f"Dense: {summary['dense']:,.6g}. Importance: {summary['importance']}."
        + (" Weights of 8 bits assumed; fewer never take more cores." if mapped else ""),
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
