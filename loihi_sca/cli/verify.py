"""``loihi-sca verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from loihi_sca.cli.hardware import Named, note, samples_of
from loihi_sca.cli.options import (
    MADE_BY,
    DataName,
    DataRoot,
    DataSplit,
    InputShape,
    LavaPythonOption,
    NetFile,
    ScheduleOption,
    StateOption,
    parse_shape,
)
from loihi_sca.cli.output import (
    JsonFlag,
    bar_each,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
)
from loihi_sca.cli.spikes import read_spikes
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.compiler.verification import Verification
    from loihi_sca.lava_python import LavaPython


def verify(
    net: NetFile,
    engines: Annotated[
        str, typer.Option(help="At least two of reference, fast, lava.", metavar="E,E,...")
    ] = "reference,fast,lava",
    samples: Annotated[
        int, typer.Option(help="Random samples, or first samples of the data.", min=1)
    ] = 6,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample; by default what the file says.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random samples.", min=0)] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help=f"Spikes as .npy, (N, C, H, W, T), {MADE_BY}, instead of random ones.",
        ),
    ] = None,
    dataset: DataName = None,
    split: DataSplit = "test",
    root: DataRoot = None,
    schedule: ScheduleOption = "pipelined",
    state: StateOption = "fresh",
    input_shape: InputShape = None,
    lava_python: LavaPythonOption = None,
    as_csv: Annotated[Path | None, csv_option("layer, with the spikes that were compared")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that all engines give the same spikes in every layer; exit code 4 if they do not.

    Example:

        loihi-sca verify digits.net --engines reference,fast --samples 100
    """
    from loihi_sca.compiler import verify as library

    if data is not None and dataset is not None:
        raise ConfigError("give one of --input and --data.")
    spikes = None if data is None else read_spikes(data, steps)
    if dataset is not None:
        from loihi_sca import netx

        network = netx.read(net, input_shape=parse_shape(input_shape))
        spikes = samples_of(network, Named(dataset, split, root), samples, steps).spikes()
    with progress_bar() as bar:
        result = library.verify(
            net,
            engines=[part.strip() for part in engines.split(",") if part.strip()],
            data=spikes,
            samples=samples,
            steps=steps,
            seed=seed,
            schedule=schedule,  # type: ignore[arg-type]
            state=state,  # type: ignore[arg-type]
            input_shape=parse_shape(input_shape),
            on_progress=bar_each(bar),
        )
    emit_csv(as_csv, result)
    if as_json:
        named = {"lava": _lava().as_json()} if "lava" in result.engines else {}
        emit_json({**result.as_json(), **named})
    else:
        _show(result)


def _lava() -> LavaPython:
    """Return the Python that has just run Lava."""
    from loihi_sca.lava_python import find

    return find()


def _show(result: Verification) -> None:
    console.print(f"{escape(result.network)}: {' = '.join(result.engines)}, 0 mismatches")
    console.print(result.table())
    times = ", ".join(f"{engine} {s:.2f} s" for engine, s in result.wall_time_s.items())
    console.print(
        f"{result.samples} samples of {result.timesteps} steps ({result.data}), state "
        f"{result.state}, "
        f"{result.compared:,} spikes or silences compared per engine; {times}",
        highlight=False,
    )
    if "lava" in result.engines:
        console.print(f"Lava: {escape(str(_lava()))}", highlight=False)
    if not any(result.spikes.values()):
        console.print("[yellow]note:[/] no layer spiked at all; this proves little. Try --input.")
    for text in result.notes:
        note(text)
    if result.current_wraps or result.voltage_saturations:
        console.print(
            f"[yellow]note:[/] {result.current_wraps:,} currents wrapped and "
            f"{result.voltage_saturations:,} voltages saturated at 24 bits, in all engines alike. "
            "SLAYER would not have done that."
        )
