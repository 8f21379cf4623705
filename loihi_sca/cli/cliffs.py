"""``loihi-sca cliffs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.hardware import NetOrPlan, ProfileName, read_network
from loihi_sca.cli.options import InputShape
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json


def cliffs(
    network: NetOrPlan,
    profile: ProfileName = "loihi2",
    layer: Annotated[str | None, typer.Option(help="Only this layer.")] = None,
    most: Annotated[int, typer.Option(help="Rows per layer in the table.", min=1)] = 6,
    input_shape: InputShape = None,
    as_csv: Annotated[Path | None, csv_option("cheaper channel count, all of them")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show at which channel counts a layer gets cheaper, and at which dearer.

    Prune towards these counts: between them nothing is saved. The last layer has none: its
    channels are the classes. On Loihi 1 each layer is cut by itself, and `map` says what output
    axons add. Exit code 3 if no count of channels would bring it onto the chip.

    Example:

        loihi-sca cliffs digits.net --profile loihi2
    """
    from loihi_sca.hardware.mapping.cliffs import cliffs as find

    found = find(read_network(network, input_shape), profile)
    if layer is not None:
        found = found.of(layer)
    emit_csv(as_csv, found)
    if as_json:
        emit_json(found.as_json())
    else:
        console.print(*found.tables(most))
