"""What the commands about chips share: reading the network and its activity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

import typer

from loihi_sca.cli.options import parse_shape
from loihi_sca.cli.output import progress_bar, status
from loihi_sca.errors import ConfigError, InputError

if TYPE_CHECKING:
    from loihi_sca.data import Dataset, Split
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
    from loihi_sca import netx
    from loihi_sca.hardware.named import as_network
    from loihi_sca.network import Network

    network = as_network(path, parse_shape(input_shape))
    for text in netx.notes_of(network) if isinstance(network, Network) else ():
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


class Named(NamedTuple):
    """A dataset as the command line names it."""

    name: str
    split: str
    root: Path | None


def activity_on(
    network: Network | Architecture,
    data: Named,
    profile: Profile,
    samples: int | None,
    timesteps: int | None,
) -> Activity:
    """Run the network on a dataset and return what it did."""
    from loihi_sca.hardware import Architecture, describe
    from loihi_sca.hardware.cost.activity import from_run
    from loihi_sca.pipeline.evaluate import count_activity

    if isinstance(network, Architecture):
        raise ConfigError("an architecture has no weights to run; give --rate or --activity.")
    found = samples_of(network, data, samples, timesteps)
    with progress_bar() as bar:
        task = bar.add_task("fast engine, samples", total=len(found))
        counted = count_activity(
            network, found, lambda done, total: bar.update(task, completed=done, total=total)
        )
    return from_run(counted, describe(network), profile, len(found), found.timesteps)


def samples_of(
    network: Network, data: Named, samples: int | None, timesteps: int | None
) -> Dataset:
    """Return the dataset as the network takes it, or its first samples."""
    from loihi_sca.pipeline.evaluate import dataset_for

    if samples is not None and samples < 1:
        raise ConfigError(f"--samples {samples}: at least 1.")
    if timesteps is not None:
        network = network.replace(timesteps=timesteps)
    return dataset_for(network, data.name, cast("Split", data.split), data.root, samples)


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
        if name in own or (not name and general is not None):
            raise ConfigError(f"--rate {text!r}: {name or 'all layers'} had a rate before.")
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
