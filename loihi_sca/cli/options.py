"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from loihi_sca import lava_python
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape


def one_of(option: str, *allowed: str) -> Callable[[str | None], str | None]:
    """Return a callback that refuses what an option does not know."""

    def checked(value: str | None) -> str | None:
        if value is not None and value not in allowed:
            raise ConfigError(f"{option} {value!r}: one of {', '.join(allowed)}.")
        return value

    return checked


RecipeName = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")]

NetFile = Annotated[Path, typer.Argument(help="A netx file.", metavar="NET.net")]

InputShape = Annotated[
    str | None,
    typer.Option(help="C,H,W of the input, where the file does not say it.", metavar="C,H,W"),
]

MADE_BY = "as `loihi-sca data NAME --out FILE.npy` makes them"
"""Which command makes the array that another takes."""

DATA_HELP = (
    "A dataset: digits, mnist, fashion_mnist, cifar10, cifar100, nmnist, dvs_gesture, cifar10_dvs, "
    "shd, ssc; tonic:NAME, one of tonic's; your own as module:function, a file .npz with x_train, "
    "y_train, x_test and y_test (or x and y), a folder per class, or a .csv of path and label; or "
    "a recipe or run folder, whose data it is, encoded as there."
)

DataName = Annotated[str | None, typer.Option("--data", help=DATA_HELP, metavar="NAME")]

DataRoot = Annotated[
    Path | None, typer.Option("--root", help="Folder of --data, where it has one.")
]

VALIDATION = "Which samples validate is known of a recipe or run only; of others it is seed 0's."

DataSplit = Annotated[
    str, typer.Option("--split", help=f"Of --data: train, validation or test. {VALIDATION}")
]

DeviceOption = Annotated[
    str,
    typer.Option(
        help="Where to train: cpu; cuda, with torchrun a card per process; cuda:1; auto, a card "
        "if there is one.",
        metavar="DEVICE",
    ),
]


def _name_lava_python(path: str | None) -> str | None:
    """Have this process, and those that it starts, run Lava with this Python."""
    if path is not None:
        os.environ[lava_python.VARIABLE] = path
    return path


LavaPythonOption = Annotated[
    str | None,
    typer.Option(
        "--lava-python",
        help="Run Lava with this Python; by default this one, or the sidecar of `lava install`. "
        f"{lava_python.VARIABLE} says the same.",
        metavar="PATH",
        callback=_name_lava_python,
    ),
]


StateOption = Annotated[
    str,
    typer.Option(
        "--state",
        help="fresh (every sample starts at rest) or carried (samples are windows that follow each "
        "other, such as pieces of a video, and each goes on from the state of the one before).",
    ),
]

ScheduleOption = Annotated[
    str,
    typer.Option(
        "--schedule",
        help="pipelined (state reset per sample) or cold (global time).",
        callback=one_of("--schedule", "pipelined", "cold"),
    ),
]

DelayShiftOption = Annotated[
    str,
    typer.Option(
        "--delay-shift",
        help="exact, or drop: as if all blocks had delay_shift=False.",
        callback=one_of("--delay-shift", "exact", "drop"),
    ),
]

UnrollDelays = Annotated[
    bool,
    typer.Option(help="Make convolutions that take delayed spikes dense."),
]

ModelSteps = Annotated[
    int | None,
    typer.Option("--steps", help="Timesteps per sample of a Python model.", min=1),
]

Relay = Annotated[
    bool,
    typer.Option(
        "--relay",
        help="Of sigma-delta models: biases become weights of a channel that is always 1, so that "
        "Lava's clock (--schedule cold) gives what local time gives, only later.",
    ),
]

Reset = Annotated[
    bool,
    typer.Option(
        "--reset",
        help="Let neurons with persistent_state=True start every sample afresh, as on the chip.",
    ),
]


def parse_shape(text: str | None) -> Shape | None:
    """Turn ``3,32,32`` into a shape.

    Raises
    ------
    ConfigError
        It is none.
    """
    if text is None:
        return None
    try:
        shape = tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ConfigError(f"--input-shape {text!r}: give C,H,W, for example 3,32,32.")
    return shape
