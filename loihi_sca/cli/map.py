"""``loihi-sca map``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.hardware import NetOrPlan, ProfileName, given_rates, read_network
from loihi_sca.cli.options import InputShape
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json
from loihi_sca.cli.targets import target
from loihi_sca.errors import ConfigError, DoesNotFit


def map_cores(
    network: NetOrPlan,
    profile: ProfileName = "loihi2",
    svg: Annotated[
        Path | None, typer.Option(help="Write a picture of the mesh here.", callback=target)
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="Colour by synops at this rate, as in estimate; else by fullest limit."),
    ] = None,
    timesteps: Annotated[int | None, typer.Option(help="Steps per sample, with --rate.")] = None,
    input_shape: InputShape = None,
    as_csv: Annotated[Path | None, csv_option("layer; the cores one by one are in --json")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which core holds which slice of which layer.

    On Loihi 2 the columns of the compiler's own table follow, of the fullest core of each layer.
    JSON lists every core; the picture colours them by layer and by how full they are. Exit code 3
    if the network breaks a limit of the chip.

    Example:

        loihi-sca map digits.net --profile loihi1 --svg digits.svg
    """
    from loihi_sca import hardware
    from loihi_sca.files import write_text
    from loihi_sca.hardware.cost.load import synops_per_step
    from loihi_sca.reporting.mesh import mesh

    if rate and svg is None:
        raise ConfigError("--rate colours the picture: give --svg too. `estimate` takes rates.")
    if timesteps is not None and not rate:
        raise ConfigError(f"--timesteps {timesteps} goes with --rate.")
    chip = hardware.load_profile(profile)
    net = read_network(network, input_shape)
    placement = hardware.map_network(net, chip)
    violations = hardware.find_violations(placement)
    if svg is not None:
        synops = None
        if rate:
            steps = (net.timesteps or 1) if timesteps is None else timesteps
            activity = given_rates(net, rate, chip, steps)
            synops = synops_per_step(placement, activity)
        picture = mesh(placement, synops, "synops per step" if rate else "")
        write_text(svg, picture.svg())
    emit_csv(as_csv, placement)
    if as_json:
        emit_json(placement.as_json())
    else:
        console.print(placement.table())
    if violations:
        raise DoesNotFit(f"does not fit {chip.name}:\n" + "\n".join(str(v) for v in violations))
