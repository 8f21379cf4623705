"""``loihi-sca check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import (
    DelayShiftOption,
    InputShape,
    ModelSteps,
    Relay,
    Reset,
    UnrollDelays,
    parse_shape,
)
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json


def check(
    model: Annotated[
        str,
        typer.Argument(
            help="A recipe, a netx file, or package.module:attribute of a SLAYER or SpikingJelly "
            "model or of a function that returns one.",
            metavar="MODEL",
        ),
    ],
    input_shape: InputShape = None,
    delay_shift: DelayShiftOption = "exact",
    steps: ModelSteps = None,
    unroll_delays: UnrollDelays = False,
    relay: Relay = False,
    reset: Reset = False,
    profile: Annotated[str, typer.Option(help="Chip whose ranges hold.")] = "loihi2",
    as_csv: Annotated[Path | None, csv_option("problem; notes are in --json")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what keeps a model from running exactly on the chip, before training it.

    What training can bring counts as there; notes say what depends on values. Exit code 0 if
    nothing is in the way but notes, 3 if only limits of the chip are, 1 otherwise.

    Example:

        loihi-sca check my_project.models:build --input-shape 2,34,34
    """
    import loihi_sca
    from loihi_sca.cli.models import load_model

    shape = parse_shape(input_shape)
    named = load_model(model, shape)
    found = loihi_sca.check(
        named.model,
        shape or named.input_shape,
        timesteps=steps or named.timesteps,
        unroll_delays=unroll_delays,
        relay=relay,
        reset=reset,
        delay_shift=delay_shift,  # type: ignore[arg-type]
        profile=profile,
    )
    emit_csv(as_csv, found)
    if as_json:
        emit_json({"model": named.name, **found.as_json()})
    elif not found:
        console.print(f"{escape(named.name)}: nothing in the way of the chip", highlight=False)
    else:
        console.print(f"{escape(named.name)}: {len(found)} in the way of the chip", highlight=False)
        for problem in found:
            console.print(
                f"  [bold]{escape(problem.layer)}[/]: {escape(problem.reason)}.\n"
                f"    {escape(problem.instead)}",
                highlight=False,
            )
    for text in () if as_json else found.notes:
        note(text)
    if found:
        raise typer.Exit(3 if all(problem.limit for problem in found) else 1)
