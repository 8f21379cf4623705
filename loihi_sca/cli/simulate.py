"""``loihi-sca simulate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import InputShape, LavaPythonOption, NetFile, parse_shape
from loihi_sca.cli.output import JsonFlag, console, emit_json, progress_bar, status
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from loihi_sca.engine.result import RunResult, SpikeArray
    from loihi_sca.network import Network

ENGINES = ("fast", "reference", "lava")


def simulate(
    net: NetFile,
    data: Annotated[
        Path,
        typer.Option("--input", help="Spikes as .npy, integers (N, C, H, W, T) or (N, C, T)."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write output spikes (.npy, uint8).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample; input is cut or padded with silence.")
    ] = None,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(ENGINES)}.")] = "fast",
    schedule: Annotated[
        str, typer.Option(help="pipelined (state reset per sample) or cold (global time).")
    ] = "pipelined",
    input_shape: InputShape = None,
    lava_python: LavaPythonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a network on spikes and count what every layer does.

    Example:

        loihi-sca simulate digits.net --input x.npy --out y.npy --engine lava
    """
    if engine not in ENGINES:
        raise ConfigError(f"--engine {engine!r}: one of {', '.join(ENGINES)}.")
    if schedule not in ("pipelined", "cold"):
        raise ConfigError(f"--schedule {schedule!r}: pipelined or cold.")

    from loihi_sca import netx
    from loihi_sca.engine import fast, reference

    shape = parse_shape(input_shape)
    network = netx.read(net, input_shape=shape)
    spikes = _load(data, steps)
    if engine == "lava":
        result = _run_on_lava(net, network, spikes, schedule)
    else:
        run = fast.run if engine == "fast" else reference.run
        result = run(network, spikes, schedule=schedule)  # type: ignore[arg-type]
    if out is not None:
        _save(out, result.spikes)
    summary = _summarise(network, result, engine)
    if as_json:
        emit_json(summary)
    else:
        console.print(_table(summary))
        for text in summary["notes"]:
            note(text)


def _run_on_lava(
    net: Path, network: Network, spikes: npt.NDArray[np.integer[Any]], schedule: str
) -> RunResult:
    """Run the very file on Lava; counts come from our engine, whose spikes must be the same."""
    from dataclasses import replace

    from loihi_sca.compiler.verify import assert_same_spikes
    from loihi_sca.engine import fast, lava_cpu

    with progress_bar() as bar:
        task = bar.add_task("Lava, timesteps", total=None)
        on_lava = lava_cpu.run_file(
            net,
            spikes,
            input_shape=network.in_shape,
            schedule=schedule,  # type: ignore[arg-type]
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    counted = fast.run(network, spikes, schedule=schedule)  # type: ignore[arg-type]
    assert_same_spikes(
        {"output": counted.spikes}, {"output": on_lava.spikes}, "our engine and Lava"
    )
    return replace(on_lava, activity=counted.activity)


def _load(path: Path, steps: int | None) -> npt.NDArray[np.integer[Any]]:
    import numpy as np

    from loihi_sca.data import read_npy
    from loihi_sca.memory import check_memory

    spikes = read_npy(path)
    if steps is None:
        return spikes
    if steps < 1:
        raise ConfigError(f"--steps {steps}: at least 1.")
    if spikes.ndim < 2:
        raise InputError(
            f"{path}: shape {spikes.shape} has no time axis; (N, C, H, W, T) or (N, C, T)."
        )
    missing = max(0, steps - spikes.shape[-1])
    if missing:
        check_memory(
            f"--steps {steps}: the spikes, padded with silence,",
            steps * (spikes.nbytes // max(1, spikes.shape[-1])),
            "Take fewer steps.",
        )
        status.print(f"note: input has {spikes.shape[-1]} steps, padded with silence to {steps}.")
    padding = [(0, 0)] * (spikes.ndim - 1) + [(0, missing)]
    return np.pad(spikes[..., :steps], padding)


def _save(path: Path, spikes: SpikeArray) -> None:
    import numpy as np

    from loihi_sca.files import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, spikes)


def _summarise(network: Network, result: RunResult, engine: str) -> dict[str, Any]:
    from loihi_sca import netx
    from loihi_sca.compiler.silence import explain_silence

    steps = result.samples * result.timesteps
    spikes = {a.name: a.spikes for a in result.activity}
    return {
        "schema": 1,
        "network": network.name,
        "engine": engine,
        "notes": [*netx.notes_of(network), *explain_silence(network, spikes)],
        "samples": result.samples,
        "timesteps": result.timesteps,
        "wall_time_s": result.wall_time_s,
        "layers": [
            {
                "name": a.name,
                "neurons": a.neurons,
                "spikes": a.spikes,
                "synops": a.synops,
                "rate": a.spikes / (layer.neurons * steps),
                "peak_current": a.peak_current,
                "current_wraps": a.current_wraps,
                "voltage_saturations": a.voltage_saturations,
                **({} if a.graded is None else {"messages": asdict(a.graded)}),
            }
            for layer, a in zip(network, result.activity, strict=True)
        ],
    }


def _table(summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"{summary['network']}: {summary['samples']} samples of {summary['timesteps']} steps "
        f"on {summary['engine']}, {summary['wall_time_s']:.2f} s"
    )
    table.add_column("layer")
    for name in ("neurons", "spikes", "rate", "synops", "wraps", "saturations"):
        table.add_column(name, justify="right")
    for layer in summary["layers"]:
        table.add_row(
            layer["name"],
            f"{layer['neurons']:,}",
            f"{layer['spikes']:,}",
            f"{layer['rate']:.4f}",
            f"{layer['synops']:,}",
            f"{layer['current_wraps']:,}",
            f"{layer['voltage_saturations']:,}",
        )
    return table
