"""``loihi-sca prune``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from loihi_sca.cli.models import from_python
from loihi_sca.cli.options import DATA_HELP, Reset
from loihi_sca.cli.output import (
    JsonFlag,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
    status,
)
from loihi_sca.cli.targets import target
from loihi_sca.errors import ConfigError
from loihi_sca.references import is_reference
from loihi_sca.whole import check_seed

if TYPE_CHECKING:
    from loihi_sca.pipeline.own_model import Outcome

WHAT_TO_GIVE = (
    "Give the state dict of the model that is named, or of one that was pruned from it, written by "
    "--out or by safetensors.torch.save_file."
)

SPLITS: tuple[Literal["train"], Literal["test"]] = ("train", "test")


def prune(
    source: Annotated[
        str,
        typer.Argument(
            help="package.module:attribute of a SLAYER model, or of a function that returns one.",
            metavar="MODULE:BUILD",
        ),
    ],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    cores: Annotated[int | None, typer.Option(help="Cores that it may take.", min=1)] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="NAME=AMOUNT instead, such as keep=0.5, synops=0.3, fits='1 chip'."),
    ] = None,
    chip: Annotated[str, typer.Option(help="Chip profile.")] = "loihi2",
    criterion: Annotated[str, typer.Option(help="What makes a channel important.")] = "sca",
    weights: Annotated[
        Path | None, typer.Option(help="A safetensors file with the model's trained state dict.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Timesteps, if the data are images (16); spikes bring their own.", min=1),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder with the files of the data, or with their module.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Take so many training samples.", min=1)] = None,
    epochs: Annotated[
        int, typer.Option(help="Epochs of training; with 0 it is pruned at once.", min=0)
    ] = 0,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.", min=0.0)] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    reset: Reset = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the pruned state dict, with its shapes.", callback=target),
    ] = None,
    net: Annotated[
        Path | None, typer.Option(help="Write the compiled netx file.", callback=target)
    ] = None,
    as_csv: Annotated[Path | None, csv_option("figure and layer")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prune a model of your own to a budget, and compile it; both networks are compared with it.

    Examples
    --------
        loihi-sca prune mymodel:build --data mnist --steps 8 --cores 24 --epochs 2

        loihi-sca prune mymodel:build --weights trained.safetensors --data spikes.npz
        --budget keep=0.5 --out pruned.safetensors --net pruned.net
    """
    if (cores is None) == (budget is None):
        raise ConfigError("give a budget: either --cores N or --budget NAME=AMOUNT.")
    if not is_reference(source):
        raise ConfigError(f"{source!r}: name a model as package.module:attribute.")

    from loihi_sca.data import load
    from loihi_sca.pipeline.own_model import Settings, prune_model

    settings = Settings(
        budget or f"cores={cores}", chip, criterion, epochs, learning_rate, batch_size, seed,
        reset=reset,
    )  # fmt: skip
    train, test = (load(data, split=part, timesteps=steps, root=root) for part in SPLITS)
    model = _model(source, weights, seed)
    with progress_bar() as bar:
        task = bar.add_task("pruning", total=None)
        found = prune_model(
            model, train.first(limit), test, settings,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if out is not None:
        _save(model, out)
    if net is not None:
        found.pruned.network.save(net)
    summary = _summary(found, settings.budget, chip)
    emit_csv(as_csv, _rows(summary))
    if as_json:
        emit_json(summary)
    else:
        console.print(_table(summary))


def _model(source: str, weights: Path | None, seed: int) -> Any:
    import torch

    check_seed(seed)
    torch.manual_seed(seed)
    model = from_python(source)
    if not isinstance(model, torch.nn.Module):
        model = torch.nn.ModuleList(model)
    if weights is not None:
        _load(model, weights)
    return model


def _load(model: Any, path: Path) -> None:
    import safetensors
    from safetensors.torch import load_file

    from loihi_sca.errors import InputError
    from loihi_sca.model.sizes import resize

    try:
        tensors = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: no safetensors file, or damaged ({error}).") from error
    if odd := [name for name, tensor in tensors.items() if tensor.is_complex()]:
        raise InputError(f"{path}: {', '.join(odd)} is complex; weights are real numbers.")
    try:
        resize(model, {name: tensor.shape for name, tensor in tensors.items()})
        # what a model keeps beside its tensors is in no such file, and stays as it is
        beside = {name: x for name, x in model.state_dict().items() if name not in tensors}
        model.load_state_dict({**beside, **tensors})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error} {WHAT_TO_GIVE}") from error
    except RuntimeError as error:  # what a model's own load_state_dict asks for
        told = " ".join(str(error).split())
        raise InputError(
            f"{path}: {type(model).__name__} does not load it: {told}. {WHAT_TO_GIVE}"
        ) from error


def _save(model: Any, path: Path) -> None:
    from safetensors.torch import save_file

    from loihi_sca.files import atomic_path
    from loihi_sca.model.sizes import shapes_of

    shapes = shapes_of(model)
    state = model.state_dict()
    tensors = {name: state[name].detach().cpu().contiguous() for name in shapes}
    if left := [name for name in state if name not in shapes]:
        status.print(f"{path}: without {', '.join(left)}, which is no tensor.", soft_wrap=True)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"shapes": json.dumps(shapes)})


def _summary(found: Outcome, budget: str, chip: str) -> dict[str, Any]:
    stages = {
        name: {
            "accuracy": stage.accuracy,
            "cores": stage.cores,
            "layers": {layer.name: list(layer.out_shape) for layer in stage.network},
            "mismatches": 0,  # a difference raises
            "proof": None if stage.network.proof is None else stage.network.proof.as_json(),
        }
        for name, stage in (("dense", found.dense), ("pruned", found.pruned))
    }
    return {
        "schema": 1, "budget": budget, "profile": chip, "channels": found.channels,
        "held": found.held, **stages,
    }  # fmt: skip


def _table(summary: dict[str, Any]) -> Table:
    table = Table(title=f"Pruned to {summary['budget']} on {summary['profile']}")
    for heading in ("", "dense", "pruned"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in _rows(summary):
        form = "{:.2%}" if row["unit"] == "share" else "{}"
        values = (form.format(row[stage]).replace("%", " %") for stage in ("dense", "pruned"))
        table.add_row(row["figure"], *values)
    return table


def _rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row per figure and layer of both networks."""
    dense, pruned = summary["dense"], summary["pruned"]
    counts = {
        name: (shape[0], pruned["layers"][name][0]) for name, shape in dense["layers"].items()
    }
    figures = [
        ("accuracy", "share", dense["accuracy"], pruned["accuracy"]),
        ("cores", "cores", dense["cores"], pruned["cores"]),
        *((name, "channels", *count) for name, count in counts.items()),
        ("mismatches", "spikes", dense["mismatches"], pruned["mismatches"]),
    ]
    return [dict(zip(("figure", "unit", "dense", "pruned"), row, strict=True)) for row in figures]
