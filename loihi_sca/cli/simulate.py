"""``loihi-sca simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import (
    MADE_BY,
    InputShape,
    LavaPythonOption,
    NetFile,
    StateOption,
    parse_shape,
)
from loihi_sca.cli.output import (
    JsonFlag,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
    status,
)
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from loihi_sca.engine.result import SpikeArray

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
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample; input is cut or padded with silence.")
    ] = None,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(ENGINES)}.")] = "fast",
    schedule: Annotated[
        str, typer.Option(help="pipelined (state reset per sample) or cold (global time).")
    ] = "pipelined",
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
    if engine not in ENGINES:
        raise ConfigError(f"--engine {engine!r}: one of {', '.join(ENGINES)}.")
    if schedule not in ("pipelined", "cold"):
        raise ConfigError(f"--schedule {schedule!r}: pipelined or cold.")
    if as_csv is not None and engine == "lava":
        raise ConfigError(f"--csv {as_csv}: Lava counts nothing; take --engine fast or reference.")

    from loihi_sca import netx
    from loihi_sca.compiler.silence import explain_silence
    from loihi_sca.engine.windows import check_state
    from loihi_sca.pipeline.run import run

    check_state(state)
    shape = parse_shape(input_shape)
    network = netx.read(net, input_shape=shape)
    spikes = _load(data, steps)
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
        _save(out, result.spikes)
    counted = {a.name: a.spikes for a in result.activity}
    notes = [*netx.notes_of(network), *explain_silence(network, counted)]
    emit_csv(as_csv, result)
    if as_json:
        emit_json({**result.as_json(), "notes": notes})
    else:
        console.print(result.table())
        for text in notes:
            note(text)


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
