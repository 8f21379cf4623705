"""``loihi-sca estimate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loihi_sca.cli.hardware import (
    Named,
    NetOrPlan,
    ProfileName,
    activity_on,
    counted_activity,
    given_rates,
    note,
    read_network,
)
from loihi_sca.cli.options import MADE_BY, DataName, DataRoot, DataSplit, InputShape
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json
from loihi_sca.errors import ConfigError, DoesNotFit

if TYPE_CHECKING:
    from loihi_sca.hardware import Architecture, Profile
    from loihi_sca.hardware.cost.activity import Activity
    from loihi_sca.network import Network


def estimate(
    network: NetOrPlan,
    profile: ProfileName = "loihi2",
    data: Annotated[
        Path | None,
        typer.Option(
            "--input", help=f"Spikes as .npy to run and count: (N, C, H, W, T), {MADE_BY}."
        ),
    ] = None,
    dataset: DataName = None,
    split: DataSplit = "test",
    root: DataRoot = None,
    samples: Annotated[
        int | None, typer.Option(help="Use only so many samples of the input, or of the data.")
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="Spikes per neuron and step, for all layers or as LAYER=RATE."),
    ] = None,
    activity: Annotated[
        Path | None, typer.Option(help="Counts as JSON, measured elsewhere; see docs/hardware.md.")
    ] = None,
    timesteps: Annotated[
        int | None, typer.Option(help="Steps per sample, where the network does not say.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(help="Board whose static power counts; `loihi-sca profiles` lists them."),
    ] = None,
    input_shape: InputShape = None,
    as_csv: Annotated[
        Path | None,
        csv_option("layer, with its counts and energies per sample where activity is known"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Estimate cores, energy and latency on a chip.

    Energy and latency need to know how busy the network is: from real input, from rates, or from
    counts. Exit code 3 if the network breaks a limit of the chip.

    Example:

        loihi-sca estimate digits.net --profile loihi2 --data digits
    """
    from loihi_sca import hardware

    chip = hardware.load_profile(profile)
    chip.board(board)  # an unknown one is refused before anything runs
    net = read_network(network, input_shape)
    result = hardware.estimate(
        net,
        chip,
        _activity(
            net,
            chip,
            data,
            samples,
            rate,
            activity,
            timesteps,
            None if dataset is None else Named(dataset, split, root),
        ),
        board=board,
    )
    if result.energy is None and not as_json:
        note("no energy and latency without activity: give --input, --data, --rate or --activity.")
    emit_csv(as_csv, result)
    if as_json:
        emit_json(result.as_json())
    else:
        console.print(result.table())
    if result.violations:
        raise DoesNotFit(
            f"does not fit {chip.name}:\n" + "\n".join(str(v) for v in result.violations)
        )


def _activity(
    network: Network | Architecture,
    profile: Profile,
    data: Path | None,
    samples: int | None,
    rates: list[str] | None,
    file: Path | None,
    timesteps: int | None,
    dataset: Named | None,
) -> Activity | None:
    if sum(bool(source) for source in (data, dataset, rates, file)) > 1:
        raise ConfigError("give one of --input, --data, --rate and --activity.")
    if timesteps is not None and timesteps < 1:
        raise ConfigError(f"--timesteps {timesteps}: at least 1.")
    if samples is not None and data is None and dataset is None:
        raise ConfigError("--samples goes with --input or --data.")
    if dataset is not None:
        return activity_on(network, dataset, profile, samples, timesteps)
    if timesteps is not None and data is not None:
        raise ConfigError("--timesteps goes with --rate or --activity; an input has its own.")
    if data is not None:
        return counted_activity(network, data, profile, samples)
    if rates:
        return given_rates(network, rates, profile, timesteps)
    if file is not None:
        from loihi_sca.hardware import describe
        from loihi_sca.hardware.cost.activity_file import read_activity

        return read_activity(file, describe(network), profile, timesteps)
    return None
