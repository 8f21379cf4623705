"""``loihi-sca compile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from loihi_sca.cli.output import JsonFlag, console, emit_json


def compile_run(
    run: Annotated[Path, typer.Argument(help="Run folder of `loihi-sca train` or `demo`.")],
    out: Annotated[Path, typer.Option(help="The netx file to write.", metavar="NET.net")],
    model: Annotated[
        str | None,
        typer.Option(help="dense or pruned; by default the pruned one if there is one."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compile a trained model to netx HDF5 that stock lava-dl loads.

    Example:

        loihi-sca compile runs/digits --out digits.net
    """
    from loihi_sca.errors import ConfigError

    if model is not None and model not in ("dense", "pruned"):
        raise ConfigError(f"--model {model!r}: dense or pruned.")

    from loihi_sca import netx
    from loihi_sca.compiler import compile_network
    from loihi_sca.slayer.frontend import to_network
    from loihi_sca.training.run import Label, Run

    label, checkpoint = Run(run).trained(cast(Label | None, model))
    recipe = checkpoint.recipe
    exported = to_network(
        checkpoint.model(), timesteps=recipe.data.timesteps, name=f"{recipe.name}-{label}"
    )
    network = compile_network(exported)
    netx.write(network, out)
    if as_json:
        shapes = {x.name: list(x.out_shape) for x in network}
        emit_json({"schema": 1, "file": str(out), "digest": network.digest(), "layers": shapes})
        return
    for before, after in zip(exported, network, strict=True):
        console.print(
            f"{after.name:10s} {'x'.join(map(str, before.out_shape)):>10s} -> "
            f"{'x'.join(map(str, after.out_shape)):>10s}",
            highlight=False,
        )
    console.print(f"wrote {out}", highlight=False)
