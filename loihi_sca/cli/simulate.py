"""``loihi-sca simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import (
    MADE_BY,
    InputShape,
    LavaPythonOption,
    NetFile,
    ScheduleOption,
    StateOption,
    one_of,
    parse_shape,
)
from loihi_sca.cli.output import (
    JsonFlag,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
)
from loihi_sca.cli.spikes import read_spikes, write_npy
from loihi_sca.cli.targets import target
from loihi_sca.errors import ConfigError

ENGINES = ("fast", "reference", "lava")


def simulate(
    net: NetFile,
    data: Annotated[
        Path,
        typer.Option(
            "--input", help=f"Spikes as .npy, integers (N, C, H, W, T) or (N, C, T), {MADE_BY}."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where to write output spikes (.npy, uint8), or messages of sigma-delta networks "
            "(int32).",
            callback=target,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample; input is cut or padded with silence.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help=f"One of {', '.join(ENGINES)}.", callback=one_of("--engine", *ENGINES)),
    ] = "fast",
    schedule: ScheduleOption = "pipelined",
    state: StateOption = "fresh",
    input_shape: InputShape = None,
    lava_python: LavaPythonOption = None,
    as_csv: Annotated[
        Path | None,
        csv_option(
            "layer, with what it did (rate: spikes per neuron and step); Lava does not count"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a network on spikes and count what every layer does.

    Example:

        loihi-sca simulate digits.net --input x.npy --out y.npy --engine lava
    """
    if as_csv is not None and engine == "lava":
        raise ConfigError(f"--csv {as_csv}: Lava counts nothing; take --engine fast or reference.")

    from loihi_sca import netx
    from loihi_sca.compiler.silence import explain_silence
    from loihi_sca.engine.windows import check_state
    from loihi_sca.pipeline.run import run

    check_state(state)
    shape = parse_shape(input_shape)
    network = netx.read(net, input_shape=shape)
    spikes = read_spikes(data, steps)
    with progress_bar() as bar:
        task = bar.add_task("Lava, timesteps" if engine == "lava" else f"{engine}, samples")
        result = run(
            net if engine == "lava" else network,
            spikes,
            engine,  # type: ignore[arg-type]
            schedule=schedule,  # type: ignore[arg-type]
            state=state,  # type: ignore[arg-type]
            input_shape=shape,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if out is not None:
        write_npy(out, result.spikes)
    counted = {a.name: a.spikes for a in result.activity}
    notes = [*netx.notes_of(network), *explain_silence(network, counted)]
    emit_csv(as_csv, result)
    if as_json:
        emit_json({**result.as_json(), "notes": notes})
    else:
        console.print(result.table())
        for text in notes:
            note(text)
