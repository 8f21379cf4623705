"""``loihi-sca train``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from loihi_sca.cli.options import DeviceOption, RecipeName
from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.model.build import SpikingNet
    from loihi_sca.training.tensorboard import EventFile


def train(
    recipe: RecipeName,
    out: Annotated[Path, typer.Option(help="Run folder; created if needed.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    dense: Annotated[
        bool, typer.Option("--dense", help="Ignore the recipe's pruning section.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Run folder with a trained dense network to start from."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write an event file into OUT/tensorboard.")
    ] = False,
    device: DeviceOption = "cpu",
    as_json: JsonFlag = False,
) -> None:
    """Train a network by a recipe, with SCA pruning if the recipe asks for it.

    Examples
    --------
        loihi-sca train digits --out runs/digits

        loihi-sca train my.toml --out runs/my --resume

        loihi-sca train digits --dense --out runs/dense

        loihi-sca train digits --from runs/dense --out runs/pruned

        torchrun --nproc-per-node 4 -m loihi_sca train my.toml --out runs/my --device cuda
    """
    from loihi_sca.config import load_recipe

    parsed = load_recipe(recipe)
    if dense:
        parsed = parsed.model_copy(update={"pruning": None})

    from loihi_sca.cli.progress import TrainingProgress
    from loihi_sca.training import distributed
    from loihi_sca.training.session import Interrupted, RunFolder, label_of
    from loihi_sca.training.session import train as run_training

    label, speaks = label_of(parsed), distributed.is_first()
    done = RunFolder(out).epochs_done(label) if resume else 0
    with (
        TrainingProgress(parsed.training.epochs, done=done, silent=not speaks) as shown,
        _event_file(out / "tensorboard" / label, done)
        if tensorboard and speaks
        else nullcontext() as board,
    ):
        try:
            best = run_training(
                parsed,
                out,
                resume=resume,
                start=None if start is None else RunFolder(start).trained("dense")[1],
                device=device,
                on_epoch=lambda epoch: shown.epoch(label, epoch),
                progress=shown.batch,
                note=shown.note,
                observer=board,
            )
        except (ConfigError, Interrupted) as error:
            if speaks:
                raise
            raise typer.Exit(error.exit_code) from error  # the first rank says why
    if not speaks:
        return
    model = best.model()
    alive = {name: int(block.alive.sum()) for name, block in model.gated}
    path = RunFolder(out).best(label)
    if as_json:
        emit_json(
            {
                "schema": 1,
                "model": label,
                "epoch": best.epoch,
                "validation_accuracy": best.best,
                "channels": alive,
                "checkpoint": str(path),
            }
        )
        return
    kept = ", ".join(f"{name} {count}" for name, count in alive.items())
    command = f"loihi-sca compile {quote(str(out))} --out {label}.net"
    console.print(
        f"best {label} model: epoch {best.epoch}, validation accuracy {100 * best.best:.2f} %, "
        f"channels: {kept}\n{_next(model, command)}",
        highlight=False,
    )


def _next(model: SpikingNet, command: str) -> str:
    """Say how to go on, or why it ends here."""
    from loihi_sca.frontend.slayer import check_slayer

    problems = check_slayer(model)
    if not problems:
        return f"next: {command}"
    return "it cannot be compiled: " + "; ".join(str(problem) for problem in problems)


def _event_file(folder: Path, done: int) -> EventFile:
    from loihi_sca.training.tensorboard import EventFile

    return EventFile(folder, done)
