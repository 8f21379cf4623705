"""``loihi-sca cliffs``."""

from __future__ import annotations

from typing import Annotated

import typer

from loihi_sca.cli.hardware import NetOrPlan, ProfileName, read_network
from loihi_sca.cli.options import InputShape
from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import ConfigError


def cliffs(
    network: NetOrPlan,
    profile: ProfileName = "loihi2",
    layer: Annotated[str | None, typer.Option(help="Only this layer.")] = None,
    most: Annotated[int, typer.Option(help="Rows per layer in the table.", min=1)] = 6,
    input_shape: InputShape = None,
    as_json: JsonFlag = False,
) -> None:
    """Show at which channel counts a layer gets cheaper, and at which dearer.

    Prune towards these counts: between them nothing is saved. The last layer has none: its
    channels are the classes.

    Example:

        loihi-sca cliffs digits.net --profile loihi2
    """
    from loihi_sca import hardware
    from loihi_sca.hardware.mapping.cliffs import cliffs as find

    chip = hardware.load_profile(profile)
    architecture = hardware.describe(read_network(network, input_shape))
    found = find(architecture, chip)
    if layer is not None:
        names = [x.layer for x in found]
        if layer not in names:
            known = ", ".join(names) or "none"
            raise ConfigError(f"--layer {layer!r}: layers with cliffs are {known}.")
        found = tuple(x for x in found if x.layer == layer)
    if as_json:
        emit_json(
            {
                "schema": 1,
                "network": architecture.name,
                "profile": chip.name,
                "layers": [x.as_json() for x in found],
            }
        )
    else:
        from loihi_sca.cli.hardware_tables import cliffs_table

        console.print(cliffs_table(found, chip, most))
