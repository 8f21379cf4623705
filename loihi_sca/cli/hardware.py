"""What the commands about chips share: reading the network and its activity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loihi_sca.cli.options import parse_shape
from loihi_sca.cli.output import progress_bar, status
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    from loihi_sca.hardware import Architecture, Profile
    from loihi_sca.hardware.cost.activity import Activity
    from loihi_sca.network import Network

NetOrPlan = Annotated[
    Path,
    typer.Argument(
        help="A netx file, or a TOML file of layers without weights.", metavar="NET.net|ARCH.toml"
    ),
]

ProfileName = Annotated[
    str, typer.Option("--profile", help="Chip profile: loihi1, loihi2, loihi2-2023 or a path.")
]


def read_network(path: Path, input_shape: str | None) -> Network | Architecture:
    """Read a netx file, or an architecture if the file ends in ``.toml``."""
    if path.suffix == ".toml":
        if input_shape is not None:
            raise ConfigError("--input-shape is for netx files; an architecture has 'input'.")
        from loihi_sca.hardware.architecture import read_architecture

        return read_architecture(path)
    from loihi_sca import netx

    network = netx.read(path, input_shape=parse_shape(input_shape))
    for text in netx.notes_of(network):
        note(text)
    return network


def counted_activity(
    network: Network | Architecture, data: Path, profile: Profile, samples: int | None
) -> Activity:
    """Run the network on spikes and return what it did."""
    import numpy as np

    from loihi_sca.data import read_npy
    from loihi_sca.engine import fast
    from loihi_sca.hardware import Architecture, describe
    from loihi_sca.hardware.cost.activity import from_run

    if isinstance(network, Architecture):
        raise ConfigError("an architecture has no weights to run; give --rate or --activity.")
    if samples is not None and samples < 1:
        raise ConfigError(f"--samples {samples}: at least 1.")
    spikes = read_npy(data, memory_map=True)
    if spikes.ndim < 2 or not len(spikes):
        raise InputError(f"{data}: shape {spikes.shape}; needs (N, C, H, W, T) or (N, C, T).")
    with progress_bar() as bar:
        task = bar.add_task("fast engine, samples", total=None)
        run = fast.run(
            network,
            np.ascontiguousarray(spikes[:samples]),
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    return from_run(run.activity, describe(network), profile, run.samples, run.timesteps)


def given_rates(
    network: Network | Architecture, rates: list[str], profile: Profile, timesteps: int | None
) -> Activity:
    """Return the activity at the rates of ``--rate 0.1 --rate conv1=0.02``."""
    from loihi_sca.hardware import describe
    from loihi_sca.hardware.cost.activity import from_rates

    general: float | None = None
    own: dict[str, float] = {}
    for text in rates:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise ConfigError(f"--rate {text!r}: give 0.1, or LAYER=0.1.") from None
        if name:
            own[name] = value
        else:
            general = value
    if general is None:
        raise ConfigError("--rate: give one rate without a layer name too, for all others.")
    return from_rates(describe(network), profile, general, timesteps, own)


def note(text: str) -> None:
    """Tell a person something beside the result."""
    status.print(f"note: {text}", highlight=False, soft_wrap=True)
