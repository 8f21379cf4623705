"""``loihi-sca estimate``: cores, energy and latency of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import DoesNotFit


def estimate(
    network: Annotated[Path, typer.Argument(help="A .net file.")],
    profile: Annotated[str, typer.Option(help="Chip profile, by name or path.")] = "loihi2",
    as_json: JsonFlag = False,
) -> None:
    """Estimate cores, energy and latency on a chip."""
    from loihi_sca import hardware, netx

    chip = hardware.load_profile(profile)
    result = hardware.estimate(netx.read(network), chip)
    if as_json:
        emit_json(result.as_json())
    else:
        console.print(result.as_json())
    if result.violations:
        raise DoesNotFit("\n".join(str(v) for v in result.violations))
