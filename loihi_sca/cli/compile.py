"""``loihi-sca compile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from loihi_sca.cli.models import from_python, is_reference
from loihi_sca.cli.options import InputShape, parse_shape
from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.compiler import Compiled
    from loihi_sca.network import Network, Shape


def compile_run(
    source: Annotated[
        str,
        typer.Argument(
            help="Run folder of `loihi-sca train` or `demo`, or package.module:attribute of a "
            "SLAYER model or of a function that returns one.",
            metavar="RUN",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The netx file to write.", metavar="NET.net")],
    model: Annotated[
        str | None,
        typer.Option(help="dense or pruned; by default the pruned one if there is one."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample of a Python model.", min=1)
    ] = None,
    input_shape: InputShape = None,
    delay_shift: Annotated[
        str, typer.Option(help="exact, or drop: as if all blocks had delay_shift=False.")
    ] = "exact",
    unroll_delays: Annotated[
        bool, typer.Option(help="Make convolutions that take delayed spikes dense.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compile a trained model to netx HDF5 that stock lava-dl loads.

    Example:

        loihi-sca compile runs/digits --out digits.net
    """
    if model is not None and model not in ("dense", "pruned"):
        raise ConfigError(f"--model {model!r}: dense or pruned.")
    if delay_shift not in ("exact", "drop"):
        raise ConfigError(f"--delay-shift {delay_shift!r}: exact or drop.")

    from loihi_sca import netx
    from loihi_sca.compiler import compile_with_report

    if is_reference(source):
        exported = _from_python(source, parse_shape(input_shape), steps, delay_shift)
    else:
        exported = _from_run(Path(source), model)
    compiled = compile_with_report(exported, unroll_delays=unroll_delays)
    metadata = {
        **exported.metadata, "compiler": compiled.as_text(), "source_digest": exported.digest(),
    }  # fmt: skip
    network = compiled.network.replace(metadata=metadata)
    netx.write(network, out)
    if as_json:
        shapes = {x.name: list(x.out_shape) for x in network}
        emit_json(
            {
                "schema": 1, "file": str(out), "digest": network.digest(), "layers": shapes,
                **compiled.as_json(),
            }
        )  # fmt: skip
    else:
        _show(exported, compiled, out)


def _from_run(folder: Path, model: str | None) -> Network:
    from loihi_sca.frontend.export import to_network
    from loihi_sca.training.session import Label, RunFolder

    label, checkpoint = RunFolder(folder).trained(cast("Label | None", model))
    recipe = checkpoint.recipe
    return to_network(
        checkpoint.model(), timesteps=recipe.data.timesteps, name=f"{recipe.name}-{label}"
    )


def _from_python(
    reference: str, shape: Shape | None, steps: int | None, delay_shift: str
) -> Network:
    from loihi_sca.frontend.export import to_network

    model = from_python(reference)
    return to_network(
        model,
        timesteps=steps,
        name=reference.rpartition(":")[2],
        input_shape=shape,
        delay_shift=delay_shift,  # type: ignore[arg-type]
    )


def _show(exported: Network, compiled: Compiled, out: Path) -> None:
    for before, after in zip(exported, compiled.network, strict=True):
        console.print(
            f"{escape(after.name):10s} {'x'.join(map(str, before.out_shape)):>10s} -> "
            f"{'x'.join(map(str, after.out_shape)):>10s}",
            highlight=False,
        )
    for step in compiled.steps:
        for note in step.notes:
            console.print(f"{step.name}: {escape(note)}", highlight=False)
    for note in compiled.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print(f"wrote {out}", highlight=False)
