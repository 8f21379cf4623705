"""``loihi-sca compile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from loihi_sca.cli.models import NamedModel, load_model
from loihi_sca.cli.options import (
    DelayShiftOption,
    InputShape,
    ModelSteps,
    Relay,
    Reset,
    UnrollDelays,
    one_of,
    parse_shape,
)
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json
from loihi_sca.cli.targets import target
from loihi_sca.references import is_reference

if TYPE_CHECKING:
    from loihi_sca.compiler import Compiled


def compile_run(
    source: Annotated[
        str,
        typer.Argument(
            help="Run folder of `loihi-sca train` or `demo`, or package.module:attribute of a "
            "SLAYER or SpikingJelly model or of a function that returns one.",
            metavar="RUN",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The netx file to write.", callback=target, metavar="NET.net")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="dense or pruned; by default the pruned one if there is one.",
            callback=one_of("--model", "dense", "pruned"),
        ),
    ] = None,
    steps: ModelSteps = None,
    input_shape: InputShape = None,
    delay_shift: DelayShiftOption = "exact",
    unroll_delays: UnrollDelays = False,
    relay: Relay = False,
    reset: Reset = False,
    proof_samples: Annotated[
        int | None,
        typer.Option(
            help="Random samples on which the model's own forward pass is compared; by default 1 "
            "for a model that has one, 4 for one of SpikingJelly.",
            min=0,
        ),
    ] = None,
    as_csv: Annotated[Path | None, csv_option("layer")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compile a trained model to netx HDF5 that stock lava-dl loads.

    Example:

        loihi-sca compile runs/digits --out digits.net
    """
    import loihi_sca

    if is_reference(source):
        named = load_model(source)
    else:
        named = _from_run(Path(source), model)
    compiled = loihi_sca.compile(
        named.model,
        parse_shape(input_shape) or named.input_shape,
        steps or named.timesteps,
        name=named.name,
        delay_shift=delay_shift,  # type: ignore[arg-type]
        unroll_delays=unroll_delays,
        relay=relay,
        reset=reset,
        proof_samples=proof_samples,
    )
    compiled.save(out)
    emit_csv(as_csv, compiled)
    if as_json:
        shapes = {x.name: list(x.out_shape) for x in compiled}
        emit_json(
            {
                "schema": 1, "file": str(out), "digest": compiled.digest(), "layers": shapes,
                **compiled.as_json(),
            }
        )  # fmt: skip
    else:
        _show(compiled, out)


def _from_run(folder: Path, model: str | None) -> NamedModel:
    from loihi_sca.training.session import Label, RunFolder

    label, checkpoint = RunFolder(folder).trained(cast("Label | None", model))
    recipe, trained = checkpoint.recipe, checkpoint.model()
    name = f"{recipe.name}-{label}"
    return NamedModel(name, trained, trained.in_shape, recipe.data.timesteps)


def _show(compiled: Compiled, out: Path) -> None:
    console.print(compiled.table())
    proof = compiled.proof
    if proof is not None:
        console.print(
            f"the model's forward pass gives the same: {escape(', '.join(proof.outputs))}, on "
            f"{proof.samples} samples of {proof.timesteps} steps ({proof.data}), "
            f"{proof.compared:,} spikes or silences compared",
            highlight=False,
        )
    for note in compiled.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print(f"wrote {out}", highlight=False)
